"""What the operator types: workspaces, people and tokens."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.api.callers import DOUBLE, INPUT, publish
from workflows_app.models import Member, Run, Workspace
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


def test_start_gives_one_run_of_the_named_person(api):
    publish(api)

    printed = lines_of("start", "double", "--input", '{"n": 4}', "--user", "owner", "--no-wait")

    run = Run.objects.get()
    assert (run.input, run.started_by.username, run.started_via) == ({"n": 4}, "owner", "command")
    assert printed == [f"RUN-{run.number} started (live) {run.pk}"]


def test_start_with_a_file_gives_a_run_for_each_row(api, tmp_path):
    publish(api)
    file = tmp_path / "rows.csv"
    file.write_text("n\n1\n2.5\n")

    lines_of("start", "double", "--csv", str(file), "--no-wait")

    assert [run.input for run in Run.objects.order_by("number")] == [{"n": 1}, {"n": 2.5}]


def test_start_with_a_file_and_map_gives_one_run_of_all_rows(api, tmp_path):
    rows = {"type": "array", "items": INPUT}
    definition = {
        **DOUBLE,
        "input": {"type": "object", "properties": {"rows": rows}},
        "steps": [{"id": "double", "kind": "transform", "with": {"value": "=input.rows"}}],
    }
    publish(api, definition=definition)
    file = tmp_path / "rows.csv"
    file.write_text("n\n1\n2.5\n")

    lines_of("start", "double", "--csv", str(file), "--map", "--no-wait")

    assert Run.objects.get().input == {"rows": [{"n": 1}, {"n": 2.5}]}


ASKS_A_MODEL = {
    **DOUBLE,
    "steps": [{"id": "double", "kind": "model", "with": {"model": "small", "prompt": "Double it"}}],
}


def test_without_a_model_a_start_is_a_rehearsal_and_says_so(api, settings):
    settings.ANTHROPIC_API_KEY, settings.STAND_IN = "", False
    publish(api, definition=ASKS_A_MODEL)

    printed = lines_of("start", "double", "--input", '{"n": 4}', "--no-wait")

    assert Run.objects.get().mode == "rehearsal"
    assert printed[0] == "No model is configured: this is a rehearsal by the stand-in model."


def test_a_start_that_is_to_be_live_needs_the_model(api, settings):
    settings.ANTHROPIC_API_KEY, settings.STAND_IN = "", False
    publish(api, definition=ASKS_A_MODEL)

    with pytest.raises(CommandError, match="no key is configured"):
        lines_of("start", "double", "--input", '{"n": 4}', "--mode", "live", "--no-wait")

    assert not Run.objects.exists()


def test_the_one_admin_answers_where_nobody_is_named(api):
    publish(api)

    given = ("--input", '{"n": 4}', "--mode", "rehearsal", "--answer", "--no-wait")
    lines_of("start", "double", *given)

    assert Run.objects.get().started_by.username == "owner"


@pytest.mark.parametrize(
    "arguments",
    [
        ("double", "--input", '{"n": "four"}'),
        ("double", "--input", "{"),
        ("nowhere",),
        ("double", "--input", '{"n": 1}', "--user", "nobody"),
        ("double", "--input", '{"n": 1}', "--answer"),
        ("double", "--input", '{"n": 1}', "--version-number", "7"),
    ],
)
def test_a_start_that_cannot_be_starts_nothing(api, arguments):
    publish(api)

    with pytest.raises(CommandError):
        lines_of("start", *arguments, "--no-wait")

    assert not Run.objects.exists()
