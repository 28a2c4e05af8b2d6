from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Start everything by one command."""

    help = (
        "Start the whole product: PostgreSQL and a broker of its own (unless DATABASE_URL and "
        "BROKER_URL name others), web and worker. Ctrl-C stops it."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        from project.supervisor.serve import serve  # noqa: PLC0415

        raise SystemExit(serve())
