"""What the operator types: workspaces, people and tokens."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from workflows_app.models import Member, Workspace
from workflows_app.services.people import sign_in_link_use, token_check

pytestmark = pytest.mark.django_db


def lines_of(*arguments: str) -> list[str]:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue().splitlines()


def test_create_user_prints_a_sign_in_link_that_works(settings):
    settings.HOST, settings.PORT, settings.PUBLIC_URL = "127.0.0.1", 8123, ""

    link = lines_of("create_user", "--name", "ada")[-1]

    prefix = "http://127.0.0.1:8123/sign-in/"
    assert link.startswith(prefix)
    assert link.endswith("/")
    assert sign_in_link_use(link.removeprefix(prefix).rstrip("/")).username == "ada"


def test_create_user_takes_groups_and_roles_of_a_workspace():
    slug = lines_of("create_workspace", "--name", "North Side")[-1]

    lines_of(
        *("create_user", "--name", "ada", "--workspace", "North Side"),
        *("--group", "red", "--group", "blue", "--role", "reviewer", "--role", "viewer"),
    )

    member = Member.objects.get(user__username="ada")
    assert member.workspace.slug == slug
    assert member.roles == ["viewer", "reviewer"]
    assert sorted(group.name for group in member.groups.all()) == ["blue", "red"]


def test_create_token_prints_the_token_alone_on_the_last_line():
    lines_of("create_user", "--name", "ada", "--role", "admin")

    token = lines_of("create_token", "--user", "ada", "--scope", "read,run,design")[-1]

    assert token_check(token).scopes == {"read", "run", "design"}


def test_create_token_of_a_service_has_no_person():
    token = lines_of("create_token", "--service", "nightly", "--scope", "read,run")[-1]

    principal = token_check(token)

    assert (principal.user, principal.actor) == (None, "service:nightly")


def test_create_token_finds_the_only_workspace_of_a_person():
    lines_of("create_workspace", "--name", "North")
    lines_of("create_user", "--name", "ada", "--workspace", "North")

    token = lines_of("create_token", "--user", "ada", "--scope", "read")[-1]

    assert token_check(token).workspaces == (Workspace.objects.get(slug="north"),)


@pytest.mark.parametrize(
    "arguments",
    [
        ("create_token", "--service", "nightly", "--scope", "decide"),
        ("create_token", "--user", "nobody", "--scope", "read"),
        ("create_token", "--service", "nightly", "--scope", "everything"),
        ("create_token", "--scope", "read"),
        ("create_user", "--name", "ada", "--workspace", "nowhere"),
        ("create_user", "--name", "ada", "--role", "emperor"),
        ("create_user", "--name", "not a name"),
    ],
)
def test_what_cannot_be_ends_with_one_sentence_and_changes_nothing(arguments):
    with pytest.raises(CommandError):
        lines_of(*arguments)

    assert not Member.objects.exists()
