"""`manage.py bulk_runs ACTION --user NAME QUERY`: one action on all runs that fit."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import DomainError
from workflows_app.models import BulkOperation, User
from workflows_app.models.bulk import BULK_ACTIONS
from workflows_app.selectors.bulk import bulk_counts, bulk_effect, bulk_items
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.run_query import query_parse
from workflows_app.services.bulk import bulk_propose, bulk_start
from workflows_app.services.bulk_work import bulk_work


class Command(BaseCommand):
    """Counts the runs first; with --yes it acts and prints what came of each that refused."""

    help = "Retry, cancel, pause, resume, skip or fail every run that fits a query."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=BULK_ACTIONS)
        parser.add_argument("query", nargs="+", help="as in the list of runs: state:failed ...")
        parser.add_argument("--user", required=True, metavar="NAME", help="on whose behalf")
        parser.add_argument("--reason", default="", help="kept in the history; needed to cancel")
        parser.add_argument("--path", help="retry, skip, fail: the step; else the failed one")
        parser.add_argument("--version-number", type=int, help="retry: as new runs of this version")
        parser.add_argument("--output", help="skip: what the step gives, as JSON")
        parser.add_argument("--rollback", action="store_true", help="cancel: undo what was done")
        parser.add_argument("--yes", action="store_true", help="act; without it only counts")

    def handle(self, *args: Any, action: str, query: list[str], yes: bool, **options: Any) -> None:
        filters, unknown = query_parse(" ".join(query))
        if unknown:
            raise CommandError(f"{', '.join(unknown)} means nothing in a query of runs")
        who = _person(options["user"])
        try:
            operation = bulk_propose(
                principal=who, action=action, filter=filters, fields=_fields(options)
            )
            effect = bulk_effect(operation=operation)
            fits, total = effect["fits"], operation.total
            self.stdout.write(f"{total} runs fit the query; {fits} of them take {action} now.")
            if not yes:
                operation.delete()
                self.stdout.write("Nothing was done: add --yes.")
                return
            bulk_start(bulk_id=operation.pk, actor=who.actor, reason=options["reason"])
        except DomainError as error:
            raise CommandError(error.message) from error
        self._carry_out(operation)

    def _carry_out(self, operation: BulkOperation) -> None:
        """Work here until this operation is over; the workers of the installation help."""
        operation.refresh_from_db()
        while operation.ended_at is None:
            bulk_work(seconds=1.0)
            operation.refresh_from_db()
        for item in bulk_items(operation=operation, state="failed"):
            self.stdout.write(f"RUN-{item.number}: {(item.problem or {}).get('message')}")
        counts = bulk_counts(operation=operation)
        self.stdout.write(f"{counts['done']} done, {counts['failed']} refused.")


def _person(name: str) -> Principal:
    found = User.objects.filter(username=name).first()
    if found is None:
        raise CommandError(f"There is no person {name}; create_user makes one.")
    return principal_of_user(found, via="command")


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    given = {"path": options["path"], "version": options["version_number"]}
    fields = {name: value for name, value in given.items() if value}
    if options["rollback"]:
        fields["rollback"] = True
    if options["output"] is not None:
        try:
            fields["output"] = strict_loads(options["output"])
        except (JsonRefused, json.JSONDecodeError) as error:
            raise CommandError(f"--output is no JSON: {error}") from None
    return fields
