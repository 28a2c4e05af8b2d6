"""`manage.py create_workspace --name W`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows_app.errors import DomainError
from workflows_app.services.people import workspace_create


class Command(BaseCommand):
    """Make a workspace; one that is there already is left as it is."""

    help = "Make a workspace. What belongs to one is unknown to everyone else."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, metavar="W")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        try:
            workspace, is_new = workspace_create(name=name)
        except DomainError as error:
            raise CommandError(error.message) from error
        state = "made" if is_new else "is there already"
        self.stdout.write(f"The workspace {workspace.name} {state}. It goes by the name:")
        self.stdout.write(workspace.slug)
