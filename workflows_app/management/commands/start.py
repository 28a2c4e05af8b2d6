"""`manage.py start SLUG`: run a workflow from the terminal and watch it."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from project.supervisor.home import Home
from workflows_app.api.lookup import version_for
from workflows_app.errors import Conflict, DomainError
from workflows_app.management.process_memory import memory_lines
from workflows_app.management.run_inputs import csv_inputs, csv_mapped, input_read
from workflows_app.management.run_watch import Watch, accuracy_of
from workflows_app.models import Member, Run, User, Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_newest
from workflows_app.selectors.people import Principal, principal_of_user, workspace_get
from workflows_app.services.people import workspace_default
from workflows_app.services.start import run_start, runs_start, start_check


class Command(BaseCommand):
    """Start one run, or one for each row of a file, and show how it goes."""

    help = (
        "Start a run of a published workflow and show its progress and output. "
        "With --csv there is one run for each row; with --csv and --map one run that gets all "
        "rows in the list that its input asks for."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        source = parser.add_mutually_exclusive_group()
        source.add_argument("--input", metavar="JSON", help="the input itself")
        source.add_argument("--input-file", metavar="F", type=Path, help="a JSON file")
        source.add_argument("--csv", metavar="F", type=Path, help="a CSV file with a header")
        parser.add_argument("--map", action="store_true", help="with --csv: all rows into one run")
        parser.add_argument("--limit", type=int, metavar="N", help="with --csv: the first N rows")
        parser.add_argument(
            "--mode",
            choices=("live", "rehearsal"),
            help="live, unless the workflow asks a model and there is no key for one",
        )
        parser.add_argument("--version-number", type=int, metavar="N", dest="number")
        parser.add_argument("--user", metavar="NAME", help="who starts it")
        parser.add_argument("--workspace", metavar="W")
        parser.add_argument(
            "--answer",
            action="store_true",
            help="approve the gates of a rehearsal, as --user or the one admin",
        )
        parser.add_argument(
            "--wait", action=argparse.BooleanOptionalAction, default=True, help="until it ends"
        )
        parser.add_argument("--seconds", type=float, default=600.0, help="wait no longer than this")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._start(**options)
        except DomainError as error:
            problems = error.extra.get("problems") or []
            lines = [error.message, *(f"  {json.dumps(problem)}" for problem in problems[:20])]
            raise CommandError("\n".join(lines)) from error

    def _start(self, *, slug: str, answer: bool, wait: bool, **options: Any) -> None:
        workflow = _workflow(slug, options["workspace"])
        starter = _starter(options["user"])
        if answer and starter is None:
            starter = _admin(workflow)
        version = version_for(
            workflow,
            options["number"],
            mode=options["mode"] or "live",
            user=starter,
            newest=version_newest(workflow=workflow),
        )
        mode = options["mode"] or self._mode(version)
        if answer and mode != "rehearsal":
            raise CommandError("--answer needs --mode rehearsal: live gates are for their people.")
        inputs = _inputs(workflow, options)
        began = time.monotonic()
        runs = _runs(version, inputs, mode=mode, starter=starter)
        for run in runs[:10]:
            self.stdout.write(f"RUN-{run.number} started ({mode}) {run.pk}")
        if len(runs) > 10:
            self.stdout.write(f"and {len(runs) - 10:,} more")
        if not wait:
            return
        watch = Watch(runs, self.stdout, answers_as=starter if answer else None)
        ended = watch.until_ended(began + options["seconds"])
        self._report(runs)
        self.stdout.write(f"time: {time.monotonic() - began:.1f} s")
        if memory := memory_lines(Home(settings.COUNTERSIGN_HOME).children):
            self.stdout.write(f"most memory so far: {'; '.join(memory)}")
        if not ended:
            raise CommandError("Not everything has ended yet; the runs go on.")

    def _mode(self, version: WorkflowVersion) -> str:
        """Choose for whoever said nothing: without a model, a rehearsal is what can be had."""
        try:
            start_check(version=version, mode="live")
        except Conflict as refused:
            if refused.code != "no_model":
                raise
            self.stdout.write("No model is configured: this is a rehearsal by the stand-in model.")
            return "rehearsal"
        return "live"

    def _report(self, runs: list[Run]) -> None:
        """Print the output of a single run, or the count of each state of many."""
        fresh = list(Run.objects.filter(pk__in=[run.pk for run in runs]).order_by("number"))
        if len(fresh) > 1:
            states = sorted({run.state for run in fresh})
            counts = (f"{sum(run.state == s for run in fresh)} {s}" for s in states)
            self.stdout.write(f"{len(fresh)} runs: {', '.join(counts)}")
            return
        run = fresh[0]
        if run.error:
            self.stdout.write(f"error: {json.dumps(run.error, ensure_ascii=False)}")
        self.stdout.write(json.dumps(run.output, indent=2, ensure_ascii=False))
        accuracy = accuracy_of(run.output)
        if accuracy is not None:
            self.stdout.write(f"accuracy: {accuracy:.4f}")


def _workflow(slug: str, workspace: str | None) -> Workflow:
    space = workspace_get(name=workspace) if workspace else workspace_default()
    found = Workflow.objects.filter(workspace=space, slug=slug).first()
    if found is None:
        raise CommandError(f"There is no workflow {slug} in the workspace {space.slug}.")
    return found


def _starter(name: str | None) -> User | None:
    if name is None:
        return None
    found = User.objects.filter(username=name).first()
    if found is None or not Member.objects.filter(user=found, is_active=True).exists():
        raise CommandError(f"There is no active person {name}.")
    return found


def _admin(workflow: Workflow) -> User:
    admins = Member.objects.filter(
        workspace_id=workflow.workspace_id, is_active=True, roles__contains=["admin"]
    ).select_related("user")
    if len(admins) != 1:
        raise CommandError("--answer needs --user here: there is not exactly one admin.")
    return admins[0].user


def _inputs(workflow: Workflow, options: dict[str, Any]) -> list[Any]:
    if options["csv"] is None:
        return [input_read(options["input"], options["input_file"])]
    schema = _input_schema(workflow)
    rows = csv_inputs(options["csv"], schema, is_mapped=options["map"], limit=options["limit"])
    return [csv_mapped(rows, schema)] if options["map"] else rows


def _input_schema(workflow: Workflow) -> dict[str, Any]:
    newest = workflow.versions.filter(number__isnull=False).order_by("-number").first()
    definition = newest.definition if newest is not None else workflow.draft
    schema = definition.get("input") if isinstance(definition, dict) else None
    return schema if isinstance(schema, dict) else {}


def _runs(
    version: WorkflowVersion, inputs: list[Any], *, mode: str, starter: User | None
) -> list[Run]:
    who: Principal | None = principal_of_user(starter, via="command") if starter else None
    workflow = version.workflow
    if who is not None:
        who.require("run", workflow.workspace_id)
    common: dict[str, Any] = {
        "workflow": workflow,
        "version": version,
        "mode": mode,
        "user": starter,
        "actor": who.actor if who else "operator",
        "via": "command",
    }
    if len(inputs) == 1:
        return [run_start(input=inputs[0], **common)[0]]
    return runs_start(inputs=inputs, **common)
