"""`manage.py seed_demo`: something to look at, made by the real engine."""

import time
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows_app.core.states import RunState
from workflows_app.errors import DomainError
from workflows_app.gallery.load import gallery_load
from workflows_app.gallery.seed import seed
from workflows_app.services.people import workspace_default
from workflows_app.services.wait import run_wait


class Command(BaseCommand):
    """Fill the default workspace with runs of the gallery."""

    help = (
        "Start runs of the sample gallery so that there is one in every state that lasts, and "
        "a full inbox. The product must be running: its workers carry them out. Safe to repeat."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seconds", type=float, default=60.0, help="wait this long in all for the runs"
        )

    def handle(self, *args: Any, seconds: float, **options: Any) -> None:
        deadline = time.monotonic() + seconds

        def settle(run_id: UUID) -> None:
            run_wait(run_id, max(0.0, min(5.0, deadline - time.monotonic())))

        try:
            workspace = workspace_default()
            gallery_load(workspace=workspace)
            states = seed(workspace=workspace, settle=settle)
        except DomainError as error:
            raise CommandError(error.message) from error
        for state in RunState:
            if states[state]:
                self.stdout.write(f"{states[state]:4} {state}")
        if states[RunState.QUEUED]:
            self.stdout.write("Nothing takes the queued runs: is the product running?")
