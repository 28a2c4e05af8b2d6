from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from project.roles.worker import worker_run


class Command(BaseCommand):
    """Start one worker process."""

    help = "Carry out steps until SIGTERM, WORKER_SLOTS at a time."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="1", help="tells workers of one machine apart")
        parser.add_argument(
            "--scheduler", action="store_true", help="run a scheduler in this process as well"
        )

    def handle(self, *args: Any, name: str, scheduler: bool, **options: Any) -> None:
        raise SystemExit(worker_run(name=name, with_scheduler=scheduler))
