"""`manage.py create_token --user NAME | --service NAME [--workspace W] --scope read,run,...`."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows_app.errors import DomainError, NotFound
from workflows_app.models import Member, User, Workspace
from workflows_app.models.people import SCOPES
from workflows_app.selectors.people import workspace_get
from workflows_app.services.people import token_create, workspace_default


class Command(BaseCommand):
    """Make an API token; the token alone is on the last line."""

    help = "Make an API token. It is printed once, alone on the last line, and kept only as a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        owner = parser.add_mutually_exclusive_group(required=True)
        owner.add_argument("--user", metavar="NAME")
        owner.add_argument("--service", metavar="NAME")
        parser.add_argument("--workspace", metavar="W")
        parser.add_argument(
            "--scope",
            required=True,
            action="append",
            dest="scopes",
            help=f"comma-separated: {','.join(SCOPES)}; a service never decides",
        )
        parser.add_argument("--days", type=int, help="ends after so many days; never if left out")

    def handle(
        self,
        *args: Any,
        user: str | None,
        service: str | None,
        workspace: str | None,
        scopes: list[str],
        days: int | None,
        **options: Any,
    ) -> None:
        wanted = [part.strip() for given in scopes for part in given.split(",") if part.strip()]
        try:
            person = _person(user) if user else None
            plain = token_create(
                workspace=_workspace(workspace, person),
                scopes=wanted,
                actor="operator",
                user=person,
                service=service,
                life=timedelta(days=days) if days else None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Token of {user or service} for {', '.join(wanted)}:")
        self.stdout.write(plain)


def _person(name: str) -> User:
    found = User.objects.filter(username=name).first()
    if found is None:
        raise NotFound(f"There is no person {name}; create_user makes one.")
    return found


def _workspace(name: str | None, person: User | None) -> Workspace:
    """Give the named workspace, else the default one, else the only one of the person."""
    if name:
        return workspace_get(name=name)
    space = workspace_default()
    if person is None or Member.objects.filter(user=person, workspace=space).exists():
        return space
    own = Workspace.objects.filter(members__user=person).order_by("pk")
    if own.count() != 1:
        raise NotFound(f"Say which workspace of {person.username} with --workspace.")
    return own.get()
