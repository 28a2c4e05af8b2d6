import json

import pytest

from tests.fake_anthropic import json_reply, text
from workflows_app.agents.steps.model import ModelKind, RouterKind
from workflows_app.core.kinds import StepError

pytestmark = pytest.mark.django_db
MODEL, ROUTER = ModelKind(), RouterKind()
SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number"}, "note": {"type": "string"}},
}


def ask(make_call, *, output=None, **options):
    settings = {"model": "small", "prompt": "How much? amount: 12", "output": output}
    return MODEL.run(make_call(settings, **options))


def route(make_call, labels, **options):
    settings = {"model": "small", "labels": labels, "prompt": "I want my money back"}
    return ROUTER.run(make_call(settings, **options))


def test_a_model_gives_text(model, make_call):
    model.reply(text("  Twelve.  ", input_tokens=10, output_tokens=3))

    done = ask(make_call)

    assert done.output == "Twelve."
    assert (done.usage.input_tokens, done.usage.output_tokens) == (10, 3)


def test_a_schema_gives_a_value(model, make_call):
    model.reply(json_reply({"amount": 12}))

    assert ask(make_call, output=SCHEMA).output == {"amount": 12}


def test_a_fence_around_json_is_no_problem(model, make_call):
    model.reply(text('```json\n{"amount": 12}\n```'))

    assert ask(make_call, output=SCHEMA).output == {"amount": 12}
    assert len(model.requests) == 1


@pytest.mark.parametrize("first", ["twelve", '{"amount": "twelve"}', '{"amount": NaN}', "{}"])
def test_an_answer_that_breaks_its_schema_is_repaired_once(model, make_call, first):
    model.reply(text(first), json_reply({"amount": 12}))

    done = ask(make_call, output=SCHEMA)

    assert done.output == {"amount": 12}
    assert done.usage.input_tokens == 24
    messages = model.requests[1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "cannot be used" in messages[2]["content"]
    assert done.details["repaired"]


def test_a_second_bad_answer_is_an_error_that_still_cost_something(model, make_call):
    model.reply(text("twelve"), text("still twelve"))

    with pytest.raises(StepError) as caught:
        ask(make_call, output=SCHEMA)

    assert (caught.value.code, caught.value.retryable) == ("output_invalid", False)
    assert caught.value.usage.input_tokens == 24
    assert len(model.requests) == 2


def test_an_empty_prompt_asks_nobody(model, make_call):
    with pytest.raises(StepError, match="empty"):
        MODEL.run(make_call({"model": "small", "prompt": "  "}))
    assert model.requests == []


def test_the_stand_in_fills_the_schema_and_says_so(make_call):
    done = ask(make_call, output=SCHEMA, uses_stand_in=True)

    assert done.output["amount"] == 12
    assert done.details["stand_in"] is True


def test_a_label_is_a_port(model, make_call):
    model.reply(json_reply({"label": "refund", "confidence": 0.9}))

    done = route(make_call, ["refund", "technical"])

    assert (done.port, done.output) == ("refund", {"label": "refund", "confidence": 0.9})
    assert "- technical" in model.requests[0].body["system"]


@pytest.mark.parametrize(
    ("answer", "port", "output"),
    [
        ('{"label": "sun", "confidence": 0.8}', "default", {"label": "sun", "confidence": 0.8}),
        ('{"label": "none", "confidence": 0.2}', "default", {"label": "none", "confidence": 0.2}),
        ('{"label": "Refund ", "confidence": 7}', "refund", {"label": "refund", "confidence": 1.0}),
        ('{"label": "refund"}', "refund", {"label": "refund", "confidence": 0.0}),
        ("refund", "refund", {"label": "refund", "confidence": 0.0}),
        ("I cannot say", "default", {"label": "I cannot say", "confidence": 0.0}),
        ('["refund"]', "default", {"label": '["refund"]', "confidence": 0.0}),
    ],
)  # fmt: skip
def test_only_its_own_labels_are_ways_onward(model, make_call, answer, port, output):
    model.reply(text(answer))

    done = route(make_call, ["refund", "technical"])

    assert (done.port, done.output) == (port, output)


def test_the_ports_are_the_labels_and_default():
    assert ROUTER.ports({"labels": ["a", "b"]}) == ("a", "b", "default")
    assert ROUTER.ports({}) == ("default",)


def test_the_stand_in_routes_by_words(make_call):
    done = route(make_call, ["technical", "refund_request"], uses_stand_in=True)

    assert done.port == "refund_request"
    assert 0.5 < done.output["confidence"] <= 1


def test_a_secret_in_an_answer_is_not_kept(model, make_call):
    model.reply(json_reply({"amount": 1, "note": "your key is key-for-tests"}))

    note = ask(make_call, output=SCHEMA).output["note"]

    assert "key-for-tests" not in json.dumps(note)
