"""`manage.py create_user --name NAME [--workspace W] [--group G]... [--role R]...`."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows_app.errors import DomainError
from workflows_app.models.people import ROLES
from workflows_app.selectors.people import workspace_get
from workflows_app.services.people import person_create, sign_in_link_create, workspace_default


class Command(BaseCommand):
    """Create or change a person, and print a way to sign in."""

    help = (
        "Create or change a person of a workspace and print a sign-in link (one use, 24 hours). "
        "Groups and roles that are named replace those the person has. A new person for whom no "
        "role is named may do everything but administer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True)
        parser.add_argument("--workspace", metavar="W", help="the default workspace if left out")
        parser.add_argument("--group", action="append", dest="groups", metavar="G")
        parser.add_argument("--role", action="append", dest="roles", metavar="R", choices=ROLES)

    def handle(
        self,
        *args: Any,
        name: str,
        workspace: str | None,
        groups: list[str] | None,
        roles: list[str] | None,
        **options: Any,
    ) -> None:
        try:
            space = workspace_get(name=workspace) if workspace else workspace_default()
            user = person_create(username=name, workspace=space, roles=roles, groups=groups)
        except DomainError as error:
            raise CommandError(error.message) from error
        token = sign_in_link_create(user=user)
        self.stdout.write(f"{name} belongs to the workspace {space.slug}. Sign in here:")
        self.stdout.write(sign_in_address(token))


def sign_in_address(token: str) -> str:
    """Give the absolute address of the page with the one button."""
    return f"{base_address()}/sign-in/{token}/"


def base_address() -> str:
    """Give where people reach this installation: `PUBLIC_URL`, else HOST and PORT."""
    if settings.PUBLIC_URL:
        return str(settings.PUBLIC_URL)
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.HOST, settings.HOST)  # noqa: S104
    return f"http://{host}:{settings.PORT}"
