import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from project.roles.prepare import database_prepare
from workflows_app.management.commands.create_user import sign_in_address


class Command(BaseCommand):
    """Make the database ready for this release."""

    help = (
        "Migrate the database, load the gallery and, in an empty database, make an owner and a "
        "reviewer and print their sign-in links. Safe to repeat, and to run from several places."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the links as JSON")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        links = database_prepare()
        if json:
            self.stdout.write(dump(links))
            return
        self.stdout.write("The database is ready.")
        for link in links:
            self.stdout.write(f"Sign in as {link['name']}: {sign_in_address(link['token'])}")


def dump(links: list[dict[str, str]]) -> str:
    """Return the links as one line."""
    return json.dumps(links)
