import json

import pytest

from tests.agents.factories import make_workspace
from tests.agents.http_server import ToolServer
from workflows_app.agents.models import Secret
from workflows_app.agents.redaction import redact
from workflows_app.agents.selectors.tools import ToolUnknown, tool_lookup, tool_specs
from workflows_app.agents.services.pins import pins_collect
from workflows_app.agents.services.secrets import secret_put
from workflows_app.agents.services.tools import tool_put
from workflows_app.agents.steps.tool import ToolKind
from workflows_app.agents.tools import tool
from workflows_app.core.kinds import StepError
from workflows_app.core.states import Effect
from workflows_app.errors import Invalid
from workflows_app.models import AppEvent

pytestmark = pytest.mark.django_db
KIND = ToolKind()
INPUT = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}


@pytest.fixture
def server(settings):
    with ToolServer() as running:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{running.port}"]
        yield running


@pytest.fixture
def workspace():
    return make_workspace()


@pytest.fixture
def run(server, workspace, make_call):
    """Give a function that defines the tool `pay` and calls it once."""

    def go(arguments=None, *, seconds=30.0, call=None, **spec):
        tool_put(
            workspace=workspace,
            name="pay",
            spec={"url": f"{server.url}/pay", "input": INPUT, **spec},
            actor="user:owner",
        )
        settings = {"tool": "pay", "arguments": arguments or {"amount": 5}}
        made = make_call(settings, seconds=seconds, workspace_id=workspace.pk, **(call or {}))
        return KIND.run(made)

    return go


def failure(run, **options):
    with pytest.raises(StepError) as caught:
        run(**options)
    return caught.value


def test_arguments_go_out_as_json_with_the_key(run, server):
    server.answer(body={"id": "R-1"})

    done = run(call={"key": "run-1/pay/0"})

    assert done.output == {"id": "R-1"}
    seen = server.seen[0]
    assert (seen.method, seen.path, json.loads(seen.body)) == ("POST", "/pay", {"amount": 5})
    assert seen.headers["idempotency-key"] == "run-1/pay/0"
    assert seen.headers["content-type"] == "application/json"


def test_a_get_sends_its_arguments_in_the_query(run, server):
    run(arguments={"amount": 5, "tags": ["a b", "c"], "deep": {"x": 1}, "none": None}, method="GET")

    assert server.seen[0].path == "/pay?amount=5&tags=a+b&tags=c&deep=%7B%22x%22%3A+1%7D"
    assert server.seen[0].body == b""


def test_an_empty_answer_is_null(run, server):
    server.answer(status=204, body=b"")

    assert run().output is None


def test_arguments_are_checked_before_anything_is_sent(run, server):
    assert failure(run, arguments={"amount": "five"}).code == "input_invalid"
    assert server.seen == []


@pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b'{"a": 1, "a": 2}', b'"\\ud800"'])
def test_an_answer_that_is_no_strict_json_fails(run, server, body):
    server.answer(body=body)

    assert failure(run).code == "output_invalid"


def test_an_answer_that_breaks_the_schema_fails(run, server):
    server.answer(body={"id": 4})

    error = failure(run, output={"type": "object", "properties": {"id": {"type": "string"}}})

    assert error.code == "output_invalid"


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_call_that_was_turned_away_is_retried(run, server, status):
    server.answer(status=status, body={}, headers={"retry-after": "3"})

    error = failure(run)

    assert (error.code, error.retryable, error.outcome_unknown) == (f"http_{status}", True, False)
    assert error.retry_after.total_seconds() == 3


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422])
def test_other_refusals_are_final(run, server, status):
    server.answer(status=status, body={"detail": "no"})

    error = failure(run)

    assert (error.code, error.retryable, error.outcome_unknown) == (f"http_{status}", False, False)
    assert '"no"' in error.message


@pytest.mark.parametrize(
    ("declared", "unknown"),
    [
        ({}, True),
        ({"effect": "reversible"}, True),
        ({"effect": "irreversible", "idempotent": True}, False),
        ({"effect": "none"}, False),
    ],
)
@pytest.mark.parametrize("how", ["status", "cut", "silence"])
def test_what_was_sent_and_not_answered_is_unknown_unless_it_may_be_repeated(
    run, server, declared, unknown, how
):
    server.answer(
        **{"status": {"status": 503}, "cut": {"is_cut": True}, "silence": {"delay": 3}}[how]
    )

    error = failure(run, seconds=0.4, **declared)

    assert error.code == {"status": "http_503", "cut": "connection", "silence": "timeout"}[how]
    assert (error.retryable, error.outcome_unknown) == (True, unknown)


def test_what_was_never_sent_is_not_unknown(run, server, settings):
    settings.EGRESS_ALLOW = []

    error = failure(run)

    assert (error.code, error.retryable, error.outcome_unknown) == ("egress_refused", False, False)


def test_a_secret_is_put_into_its_header_and_nowhere_else(run, server, workspace):
    secret_put(workspace=workspace, name="pay_key", value="s3cr3t-value", actor="user:owner")
    server.answer(body={"echo": "you sent Bearer s3cr3t-value"})

    done = run(headers={"Authorization": "Bearer {{secret:pay_key}}"})

    assert server.seen[0].headers["authorization"] == "Bearer s3cr3t-value"
    assert done.output == {"echo": "you sent Bearer [secret:pay_key]"}
    assert redact("log s3cr3t-value") == "log [secret:pay_key]"


def test_an_error_that_quotes_a_secret_is_redacted(run, server, workspace):
    secret_put(workspace=workspace, name="pay_key", value="s3cr3t-value", actor="user:owner")
    server.answer(status=401, body={"detail": "s3cr3t-value is wrong"})

    error = failure(run, headers={"X-Key": "{{ secret:pay_key }}"})

    assert "s3cr3t" not in error.message
    assert "[secret:pay_key]" in error.message


def test_a_missing_secret_stops_the_call(run, server):
    assert failure(run, headers={"X-Key": "{{secret:nothing}}"}).code == "secret_missing"
    assert server.seen == []


def test_a_secret_is_encrypted_at_rest_and_its_setting_recorded(workspace):
    assert secret_put(workspace=workspace, name="k", value="s3cr3t-value", actor="user:owner")
    assert not secret_put(workspace=workspace, name="k", value="other-value", actor="user:bob")

    row = Secret.objects.get(workspace=workspace, name="k")
    assert b"other-value" not in bytes(row.value)
    events = AppEvent.objects.filter(workspace=workspace).order_by("pk")
    assert [(event.type, event.object, event.actor, event.data) for event in events] == [
        ("secret.set", "secret:k", "user:owner", None),
        ("secret.set", "secret:k", "user:bob", None),
    ]


@pytest.mark.parametrize("value", ["", "two\nlines", "käse"])
def test_a_value_that_no_header_can_carry_is_no_secret(workspace, value):
    with pytest.raises(Invalid):
        secret_put(workspace=workspace, name="k", value=value, actor="user:owner")


def put(workspace, name="pay", **spec):
    return tool_put(
        workspace=workspace,
        name=name,
        spec={"url": "https://example.com/pay", **spec},
        actor="user:owner",
    )


def test_a_change_makes_a_version_and_the_same_again_does_not(workspace):
    first, is_new = put(workspace)
    again, is_new_again = put(workspace)
    second, _ = put(workspace, effect="none")

    assert (first.number, is_new, again.pk, is_new_again) == (1, True, first.pk, False)
    assert second.number == 2
    assert [event.type for event in AppEvent.objects.filter(workspace=workspace)] == [
        "tool.created", "tool.changed"
    ]  # fmt: skip


def test_a_run_keeps_the_version_that_it_began_with(workspace):
    put(workspace, effect="none")
    expanded = {"steps": [{"id": "a", "kind": "tool", "with": {"tool": "pay"}},
                          {"id": "b", "kind": "model", "with": {"model": "small"}}]}  # fmt: skip
    pins = pins_collect(workspace, expanded)
    put(workspace, effect="irreversible")

    kept = tool_lookup(workspace_id=workspace.pk, name="pay", pins=pins["tools"])

    assert (kept.version, kept.effect) == ("1", Effect.NONE)
    assert tool_lookup(workspace_id=workspace.pk, name="pay").version == "2"
    assert pins["models"] == {"small": "claude-haiku-5-5"}


def test_tools_of_another_workspace_do_not_exist(workspace):
    put(workspace)

    with pytest.raises(ToolUnknown):
        tool_lookup(workspace_id=make_workspace().pk, name="pay")
    assert "pay" in tool_specs(workspace_id=workspace.pk)


@pytest.mark.parametrize(
    ("spec", "pointer"),
    [
        ({"url": "ftp://example.com"}, "/url"),
        ({"url": "https://user:pw@example.com"}, "/url"),
        ({"method": "TRACE"}, "/method"),
        ({"input": {"type": "strange"}}, "/input"),
        ({"input": {"type": "array"}}, "/input/type"),
        ({"output": {"$ref": "https://example.com/schema"}}, "/output"),
        ({"effect": "some"}, "/effect"),
        ({"timeout": "soon"}, "/timeout"),
        ({"headers": {"X-Bad": "a\r\nb"}}, "/headers"),
        ({"headers": {"Host": "elsewhere"}}, "/headers"),
    ],
)
def test_a_spec_that_breaks_a_rule_is_refused(workspace, spec, pointer):
    with pytest.raises(Invalid) as caught:
        put(workspace, **spec)

    assert caught.value.extra["problems"][0]["pointer"] == pointer
    assert AppEvent.objects.filter(workspace=workspace).count() == 0


def test_a_function_in_code_steps_back_only_for_what_is_published_later(workspace):
    name = "tests_of_agents.taken"
    tool(name, effect="none")(lambda: None)
    expanded = {"steps": [{"id": "a", "kind": "tool", "with": {"tool": name}}]}
    before = pins_collect(workspace, expanded)["tools"]
    put(workspace, name=name)
    after = pins_collect(workspace, expanded)["tools"]

    found = [
        tool_lookup(workspace_id=workspace.pk, name=name, pins=pins).source
        for pins in (before, after, None)
    ]
    assert found == ["python", "http", "http"]


def test_the_action_binds_version_schema_target_and_credentials(workspace, make_call):
    put(workspace, input=INPUT, headers={"Authorization": "Bearer {{secret:pay_key}}"})
    call = make_call({"tool": "pay", "arguments": {"amount": 5}}, workspace_id=workspace.pk)

    parts = KIND.action(call)

    assert (parts.tool, parts.tool_version, parts.target) == ("pay", "1", "example.com")
    assert (parts.arguments, parts.credentials) == ({"amount": 5}, ("pay_key",))
    assert len(parts.schema) == 64
    assert KIND.effect_of(call) == (Effect.IRREVERSIBLE, False)


@pytest.mark.parametrize(
    ("spec", "says", "is_unknown"),
    [
        ({"effect": "none"}, {"effect": "irreversible", "idempotent": False}, True),
        ({"effect": "irreversible"}, {"idempotent": True}, False),
        ({"effect": "irreversible"}, {"effect": "none"}, False),
        ({"effect": "irreversible"}, {}, True),
    ],
)
def test_what_the_step_says_of_repeats_stands_before_its_tool(run, server, spec, says, is_unknown):
    server.answer(status=500)

    error = failure(run, call={"spec": says}, **spec)

    assert (error.code, error.outcome_unknown) == ("http_500", is_unknown)
