import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections

from tests.fake_anthropic import error, json_reply, text, tool_use
from workflows_app.agents.client import anthropic_reply, model_call, model_first, usage_of
from workflows_app.agents.core.model_specs import ModelSpec, UnknownRole, model_pick, model_roles
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.agents.core.retry_after import retry_after
from workflows_app.agents.network import Patience
from workflows_app.core.kinds import StepError

SPEC = ModelSpec(role="small", id="model-1", input_usd=1.0, output_usd=5.0)
HELLO = ModelRequest(messages=[{"role": "user", "content": "Hello"}])
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def ask(request=HELLO, *, seconds=30.0, is_cancelled=lambda: False):
    patience = Patience(deadline=time.monotonic() + seconds, is_cancelled=is_cancelled)
    return anthropic_reply(SPEC, request, patience)


def failure(**options):
    with pytest.raises(StepError) as caught:
        ask(**options)
    return caught.value


def test_an_answer_has_its_text_its_usage_and_its_price(model):
    model.reply(text("Good morning.", input_tokens=1000, output_tokens=200))

    reply = ask()

    assert reply.text == "Good morning."
    assert (reply.input_tokens, reply.output_tokens, reply.cost_usd) == (1000, 200, 0.002)
    assert usage_of(reply, reply).cost_usd == 0.004
    assert reply.details["model"] == "model-1"


def test_the_request_names_the_model_and_streams(model):
    ask(ModelRequest(messages=HELLO.messages, system="Be kind.", max_tokens=50))

    body = model.requests[0].body
    assert (body["model"], body["stream"], body["system"], body["max_tokens"]) == (
        "model-1", True, "Be kind.", 50
    )  # fmt: skip
    assert model.requests[0].headers["authorization"] == "Bearer key-for-tests"


def test_a_tool_call_comes_whole(model):
    model.reply(tool_use("lookup", {"id": "A-1042", "deep": {"list": [1, 2, 3]}}))

    reply = ask()

    assert reply.stop == "tool_use"
    assert [(call["name"], call["arguments"]) for call in reply.calls] == [
        ("lookup", {"id": "A-1042", "deep": {"list": [1, 2, 3]}})
    ]


def test_an_answer_can_go_back_into_the_conversation(model):
    model.reply(tool_use("lookup", {"id": "A-1042"}), text("done"))
    first = ask()
    result = {"type": "tool_result", "tool_use_id": first.calls[0]["id"], "content": "{}"}

    second = ask(
        ModelRequest(
            messages=[
                *HELLO.messages,
                {"role": "assistant", "content": list(first.content)},
                {"role": "user", "content": [result]},
            ]
        )
    )

    assert second.text == "done"
    assert set(model.requests[1].body["messages"][1]["content"][0]) == {
        "type", "id", "name", "input"
    }  # fmt: skip


def test_a_schema_is_asked_for_in_words_and_where_possible_enforced(model):
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    model.reply(json_reply({"n": 1}))

    ask(ModelRequest(messages=HELLO.messages, schema=schema))

    body = model.requests[0].body
    assert '"required": ["n"]' in body["system"]
    assert body["output_config"]["format"]["schema"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("status", "retryable"),
    [(400, False), (401, False), (403, False), (404, False), (413, False),
     (429, True), (500, True), (503, True), (529, True)],
)  # fmt: skip
def test_only_passing_errors_are_retryable(model, status, retryable):
    model.reply(error(status, "because"))

    caught = failure()

    assert (caught.code, caught.retryable) == (f"http_{status}", retryable)
    assert "because" in caught.message
    assert len(model.requests) == 1


def test_the_other_side_says_how_long_to_wait(model):
    model.reply(error(429, retry_after="7"))

    assert failure().retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("1.5", timedelta(seconds=1.5)),
        ("Mon, 05 Jan 2026 09:00:30 GMT", timedelta(seconds=30)),
        ("999999999", timedelta(days=1)),
        ("inf", None),
        ("-1", None),
        ("soon", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, wait):
    assert retry_after({"retry-after": value}, now=NOW) == wait


def test_an_error_inside_a_stream_is_the_error_it_names(model):
    model.reply(text("a long answer that will not be finished", fail_after=4))

    caught = failure()

    assert (caught.code, caught.retryable) == ("http_529", True)


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_a_stream_that_is_cut_gives_nothing(model, after):
    model.reply(text("a long answer that will not be finished", cut_after=after))

    caught = failure()

    assert (caught.code, caught.retryable) == ("connection", True)


def test_silence_ends_at_the_deadline(model):
    model.reply(text("late", delay=5))
    started = time.monotonic()

    caught = failure(seconds=0.3)

    assert (caught.code, caught.retryable) == ("timeout", True)
    assert time.monotonic() - started < 1.5


def test_a_stream_that_only_drips_ends_at_the_deadline(model):
    model.reply(text("late", pings=100, chunk_delay=0.05))
    started = time.monotonic()

    caught = failure(seconds=0.4)

    assert caught.code == "timeout"
    assert time.monotonic() - started < 1.5


def test_a_cancelled_step_stops_waiting(model):
    model.reply(text("late", delay=5))
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    started = time.monotonic()

    caught = failure(is_cancelled=stop.is_set)

    assert (caught.code, caught.retryable) == ("cancelled", False)
    assert time.monotonic() - started < 2


def test_nobody_there_is_retryable(model, settings):
    settings.ANTHROPIC_BASE_URL = "http://127.0.0.1:1"

    caught = failure()

    assert (caught.code, caught.retryable) == ("connection", True)


@pytest.mark.parametrize("stop", ["max_tokens", "refusal", "model_context_window_exceeded"])
def test_an_unfinished_answer_is_no_answer(model, stop):
    model.reply(text("half of an ans", stop_reason=stop))

    caught = failure()

    assert (caught.code, caught.retryable) == (stop, False)
    assert caught.usage.output_tokens == 7


def test_without_a_key_nothing_is_sent(model, settings):
    settings.ANTHROPIC_API_KEY = ""

    assert failure().code == "no_model"
    assert model.requests == []


def test_a_run_keeps_the_model_that_its_version_pinned():
    roles = model_roles({"models": {"small": {"id": "new", "input_usd": 9, "output_usd": 9}}})

    assert model_pick(roles, "small").id == "new"
    assert model_pick(roles, "small", {"small": "claude-opus-5-5"}).input_usd == 4.0
    with pytest.raises(UnknownRole, match="no model has the role huge"):
        model_pick(roles, "huge")


def test_long_prompts_may_cost_more():
    spec = model_roles(None)["small"]

    assert spec.cost(100_000, 0) == 0.01
    assert spec.cost(100_001, 0) == 0.0500005


def test_a_rehearsal_never_calls_a_model(model, make_call):
    reply = model_call(make_call(uses_stand_in=True), "small", HELLO)

    assert reply.details["stand_in"] is True
    assert model.requests == []


def test_no_database_connection_is_held_while_waiting(
    model, make_call, django_db_setup, django_db_blocker
):
    mine, held = connections["default"], []
    model.answer = lambda request: held.append(mine.connection) or text("ok")

    with django_db_blocker.unblock():
        mine.ensure_connection()
        model_call(make_call(), "small", HELLO)

    assert held == [None]


@pytest.mark.django_db
def test_a_backup_model_answers_when_the_first_cannot(model, make_call):
    model.reply(error(400, "no such model"), text("from the backup"))

    reply = model_first(make_call(), ["large", "small"], HELLO)

    assert reply.text == "from the backup"
    assert reply.details["failed"][0]["code"] == "http_400"
    assert [request.body["model"] for request in model.requests] == [
        "claude-opus-5-5", "claude-haiku-5-5"
    ]  # fmt: skip


@pytest.mark.django_db
def test_an_unknown_role_fails_without_a_call(model, make_call):
    with pytest.raises(StepError, match="no model has the role"):
        model_call(make_call(), "huge", HELLO)
    assert model.requests == []
