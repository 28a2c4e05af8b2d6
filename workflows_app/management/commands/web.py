from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from project.roles.web import web_run


class Command(BaseCommand):
    """Start one web process."""

    help = "Serve pages, API and live sockets on HOST and PORT until SIGTERM."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, help="an inherited listening socket to use instead")

    def handle(self, *args: Any, fd: int | None, **options: Any) -> None:
        web_run(fd=fd)
