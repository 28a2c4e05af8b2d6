import json

import pytest

from tests.fake_anthropic import json_reply, text, tool_use, tool_uses
from workflows_app.agents.steps.agent import AgentKind
from workflows_app.agents.steps.agent_parts import AnswerKind, ResultKind, TurnKind
from workflows_app.agents.tools import tool
from workflows_app.core.kinds import Source, StepError

pytestmark = pytest.mark.django_db
LOOKUP, REFUND = "tests_of_agents.lookup", "tests_of_agents.refund"


@tool(LOOKUP, effect="none")
def lookup(id: str) -> dict[str, str]:
    """Look an order up."""
    return {"id": id, "state": "broken"}


@tool(REFUND, effect="irreversible")
def refund(id: str, amount: float) -> dict[str, str]:
    """Give money back."""
    return {"refund": id}


def turn(make_call, *, previous=None, **more):
    settings = {
        "model": "large",
        "prompt": "Refund order A-1042.",
        "previous": previous or {},
        "tools": [LOOKUP, REFUND],
        **more,
    }
    return TurnKind().run(make_call(settings, uses_stand_in=bool(more.pop("stand_in", False))))


def result(make_call, call, **sources):
    return ResultKind().run(make_call({"call": call}, sources=sources)).output


def source(state, *, taken=True, output=None, error=None):
    return Source(state=state, taken=taken, output=output, error=error)


def test_a_turn_offers_the_tools_and_gives_what_is_asked_for(model, make_call):
    model.reply(tool_use("tests_of_agents_lookup", {"id": "A-1042"}))

    output = turn(make_call).output

    offered = model.requests[0].body["tools"]
    assert [tool["name"] for tool in offered] == [
        "tests_of_agents_lookup", "tests_of_agents_refund"
    ]  # fmt: skip
    assert offered[0]["description"] == "Look an order up."
    assert output["done"] is False
    (call,) = output["calls"]
    assert (call["tool"], call["arguments"], call["error"]) == (LOOKUP, {"id": "A-1042"}, "")
    assert [message["role"] for message in output["messages"]] == ["user", "assistant"]


def test_results_go_back_and_the_conversation_goes_on(model, make_call):
    model.reply(
        tool_uses(("tests_of_agents_lookup", {"id": "A"}), ("tests_of_agents_lookup", {"id": "B"})),
        text("Both are broken."),
    )
    first = turn(make_call).output
    results = [
        result(make_call, call, lookup=source("succeeded", output={"state": "broken"}))
        for call in first["calls"]
    ]

    second = turn(make_call, previous={**first, "results": results}).output

    assert (second["done"], second["text"], second["calls"]) == (True, "Both are broken.", [])
    sent = model.requests[1].body["messages"][2]["content"]
    assert [json.loads(block["content"]) for block in sent] == [{"state": "broken"}] * 2


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        (("tests_of_agents_drop", {}), "there is no tool named tests_of_agents_drop"),
        (("tests_of_agents_refund", {"id": "A"}), "'amount' is a required property"),
        (("tests_of_agents_refund", {"id": 4, "amount": 1}), "4 is not of type 'string'"),
    ],
)
def test_a_call_that_cannot_be_made_is_told_so(model, make_call, asked, error):
    model.reply(tool_uses(asked))

    (call,) = turn(make_call).output["calls"]

    assert call["tool"] == ""
    assert error in call["error"]
    told = result(make_call, call, _pick=source("succeeded"))
    assert (told["is_error"], told["tool_use_id"]) == (True, call["id"])
    assert error in told["content"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (source("skipped", error={"code": "rejected", "message": "too much"}),
         "rejected by a person: too much"),
        (source("skipped", error={"code": "expired", "message": ""}), "nobody approved it in time"),
        (source("failed", error={"code": "http_404", "message": "no order"}),
         "failed (http_404): no order"),
        (source("skipped"), "its condition does not hold"),
    ],
)  # fmt: skip
def test_a_refused_or_failed_call_goes_back_with_its_reason(make_call, outcome, said):
    told = result(
        make_call, {"id": "t1", "error": ""}, refund=outcome, lookup=source("skipped", taken=False)
    )

    assert told["is_error"] is True
    assert said in told["content"]


def test_a_very_long_result_is_cut_off(make_call):
    told = result(make_call, {"id": "t1"}, lookup=source("succeeded", output="x" * 200_000))

    assert len(told["content"]) < 101_000
    assert "cut off: 200000 characters" in told["content"]


def test_an_agent_that_repeats_itself_is_stopped(model, make_call):
    again = tool_use("tests_of_agents_lookup", {"id": "A"})
    model.reply(again)
    first = turn(make_call, repeats=2).output
    results = [result(make_call, call, l=source("succeeded", output={})) for call in first["calls"]]
    model.reply(tool_use("tests_of_agents_lookup", {"id": "A"}))

    with pytest.raises(StepError) as caught:
        turn(make_call, previous={**first, "results": results}, repeats=2)
    assert caught.value.code == "repeats"


def test_a_backup_model_takes_a_turn(model, make_call):
    model.reply(text("half", stop_reason="refusal"), text("done"))

    done = turn(make_call, fallback_models=["small"])

    assert done.output["text"] == "done"
    assert done.details["failed"][0]["code"] == "refusal"


def answer(make_call, said, **options):
    last = {
        "text": said,
        "messages": [
            {"role": "user", "content": "Refund?"},
            {"role": "assistant", "content": [{"type": "text", "text": said or "-"}]},
        ],
    }
    schema = {
        "type": "object",
        "required": ["amount"],
        "properties": {"amount": {"type": "number"}},
    }
    return AnswerKind().run(
        make_call({"model": "large", "last": last, "output": schema}, **options)
    )


def test_an_answer_by_its_schema_costs_no_call(model, make_call):
    done = answer(make_call, '{"amount": 5}')

    assert (done.output, done.usage.input_tokens) == ({"amount": 5}, 0)
    assert model.requests == []


@pytest.mark.parametrize("said", ["five", ""])
def test_an_answer_that_breaks_its_schema_is_repaired_in_the_conversation(model, make_call, said):
    model.reply(json_reply({"amount": 5}))

    assert answer(make_call, said).output == {"amount": 5}
    roles = [message["role"] for message in model.requests[0].body["messages"]]
    assert roles == ["user", "assistant", "user"]


def test_a_second_bad_answer_is_an_error(model, make_call):
    model.reply(text("still five"))

    with pytest.raises(StepError) as caught:
        answer(make_call, "five")
    assert caught.value.code == "output_invalid"


STEP = {
    "id": "draft",
    "kind": "agent",
    "timeout": "60s",
    "retry": {"attempts": 5},
    "guardrails": [{"check": "repeats", "calls": 4}, {"check": "personal_data"}],
    "with": {
        "model": "large",
        "prompt": "Help {{ input.message }}",
        "tools": [
            "orders.lookup",
            {"tool": "payments.refund", "approval": {"assignees": ["group:money"]}},
            {"tool": "mail.send", "approval": "none", "when": "input.urgent"},
        ],
        "output": {"type": "object"},
        "turns": 4,
    },
}


def body_of(step):
    return step["with"]["body"]


def by_id(body):
    return {step["id"]: step for step in body["steps"]}


def test_an_agent_becomes_turns_of_a_model_and_calls_of_tools():
    expanded = AgentKind().expand(STEP)

    assert (expanded["kind"], expanded["timeout"], "retry" in expanded) == ("group", "60s", False)
    assert "guardrails" not in expanded
    outer = by_id(body_of(expanded))
    assert outer["_check"]["guardrails"] == [{"check": "personal_data", "at": "after"}]
    assert list(outer) == ["_task", "turn", "_check", "_spent"]
    assert outer["turn"]["with"]["limit"] == 4
    inner = by_id(body_of(outer["turn"]))
    assert list(inner) == ["model", "call"]
    assert (inner["model"]["retry"], inner["model"]["with"]["repeats"]) == ({"attempts": 5}, 4)
    calls = by_id(body_of(inner["call"]))
    assert list(calls) == ["_pick", "orders_lookup", "payments_refund", "mail_send", "_result"]
    assert calls["payments_refund"]["approval"] == {"assignees": ["group:money"]}
    assert "approval" not in calls["mail_send"]
    assert calls["mail_send"]["when"] == "input.urgent"


def test_refusals_and_failures_of_a_call_lead_back_to_the_model():
    turn_step = by_id(body_of(AgentKind().expand(STEP)))["turn"]
    edges = body_of(by_id(body_of(turn_step))["call"])["edges"]

    back = {edge["from"] for edge in edges if edge["to"] == "_result"}
    assert back == {
        "_pick.default",
        "orders_lookup.done", "orders_lookup.error",
        "payments_refund.done", "payments_refund.error",
        "payments_refund.rejected", "payments_refund.expired",
        "mail_send.done", "mail_send.error",
    }  # fmt: skip


def test_an_agent_without_tools_only_talks():
    step = {"id": "a", "kind": "agent", "with": {"model": "small", "prompt": "Hi"}}
    outer = by_id(body_of(AgentKind().expand(step)))

    assert list(outer) == ["_task", "turn", "_spent"]
    assert list(by_id(body_of(outer["turn"]))) == ["model"]


def test_tools_with_like_names_stay_apart():
    settings = {"model": "small", "prompt": "Hi", "tools": ["a.b", "a-b", "result", "9"]}
    step = {"id": "a", "kind": "agent", "with": settings}
    turn_step = by_id(body_of(AgentKind().expand(step)))["turn"]

    assert list(by_id(body_of(by_id(body_of(turn_step))["call"]))) == [
        "_pick", "a_b", "a_b_", "result", "worker_9", "_result"
    ]  # fmt: skip
