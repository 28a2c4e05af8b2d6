from typing import Any

from django.core.management.base import BaseCommand

from project.roles.scheduler import scheduler_run


class Command(BaseCommand):
    """Start one scheduler process."""

    help = "Take due timers, expired leases, deadlines and schedules until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        scheduler_run()
