"""Agents, plans and supervisors carried out by the engine itself."""

import json

import pytest

from tests.engine_harness import run_to_rest, states, version_make
from tests.fake_anthropic import error, json_reply, text, tool_use, tool_uses
from workflows_app.agents.tools import ToolCall, ToolError, tool
from workflows_app.models import StepRun

pytestmark = pytest.mark.django_db(transaction=True)
KEYS: list[str] = []


@tool("runs.lookup", effect="none")
def lookup(id: str) -> dict[str, str]:
    """Look an order up."""
    if id == "gone":
        raise ToolError("there is no such order", code="unknown_order")
    return {"id": id, "state": "broken"}


@tool("runs.refund", effect="irreversible", idempotent=True)
def refund(call: ToolCall, id: str) -> dict[str, str]:
    """Give money back."""
    KEYS.append(call.key)
    return {"refund": id}


SCHEMA = {"type": "object", "required": ["answer"], "properties": {"answer": {"type": "string"}}}


def agent(**settings):
    return {
        "id": "draft",
        "kind": "agent",
        "with": {"model": "large", "prompt": "Help with {{ input.id }}", **settings},
    }


def output_of(run, path):
    return StepRun.objects.get(run=run, path=path, is_current=True).output


def test_each_turn_and_each_call_is_a_step_of_its_own(model):
    KEYS.clear()
    model.reply(
        tool_uses(("runs_lookup", {"id": "A"}), ("runs_refund", {"id": "A"})),
        text("It is paid back."),
    )

    run = run_to_rest(
        version_make([agent(tools=["runs.lookup", {"tool": "runs.refund", "approval": "none"}])],
                     output="=steps.draft.output"),
        {"id": "A"},
    )  # fmt: skip

    assert (run.state, run.output) == ("succeeded", "It is paid back.")
    found = states(run)
    assert found["draft.turn[0].model"] == "succeeded"
    assert found["draft.turn[0].call[0].runs_lookup"] == "succeeded"
    assert found["draft.turn[0].call[1].runs_refund"] == "succeeded"
    assert found["draft.turn[1].model"] == "succeeded"
    assert [f"{run.pk}/draft.turn[0].call[1].runs_refund/0"] == KEYS
    assert run.input_tokens == 24
    sent = model.requests[1].body["messages"]
    assert sent[0]["content"] == "Help with A"
    assert [json.loads(block["content"]) for block in sent[2]["content"]] == [
        {"id": "A", "state": "broken"}, {"refund": "A"}
    ]  # fmt: skip


def test_a_failed_call_goes_back_and_the_agent_goes_on(model):
    model.reply(tool_use("runs_lookup", {"id": "gone"}), json_reply({"answer": "unknown"}))

    run = run_to_rest(
        version_make([agent(tools=["runs.lookup"], output=SCHEMA)], output="=steps.draft.output"),
        {"id": "gone"},
    )

    assert (run.state, run.output) == ("succeeded", {"answer": "unknown"})
    (block,) = model.requests[1].body["messages"][2]["content"]
    assert block["is_error"] is True
    assert "there is no such order" in block["content"]


def test_an_answer_is_repaired_once_by_a_step_of_its_own(model):
    model.reply(text("I think: yes"), json_reply({"answer": "yes"}))

    run = run_to_rest(
        version_make([agent(output=SCHEMA)], output="=steps.draft.output"), {"id": "A"}
    )

    assert (run.state, run.output) == ("succeeded", {"answer": "yes"})
    assert states(run)["draft._check"] == "succeeded"


def test_an_answer_that_stays_wrong_fails_the_run(model):
    model.reply(text("yes"), text("still yes"))

    run = run_to_rest(version_make([agent(output=SCHEMA)]), {"id": "A"})

    assert (run.state, run.error["code"]) == ("failed", "output_invalid")


def test_an_agent_that_never_answers_is_exhausted(model):
    model.answer = lambda request: tool_use("runs_lookup", {"id": "A"})
    tell = {"id": "tell", "kind": "transform", "with": {"value": "by hand"}}

    run = run_to_rest(
        version_make(
            [agent(tools=["runs.lookup"], turns=2), tell],
            [{"from": "draft.exhausted", "to": "tell"}],
            output="=steps.tell.output",
        ),
        {"id": "A"},
    )

    assert (run.state, run.output) == ("succeeded", "by hand"), (run.error, states(run))
    assert len(model.requests) == 2


def test_a_model_that_is_busy_is_asked_again(model):
    model.reply(error(529, retry_after="0"), text("fine"))
    step = {**agent(), "retry": {"attempts": 2, "initial": "10ms"}}

    run = run_to_rest(version_make([step], output="=steps.draft.output"), {"id": "A"})

    assert run.output == "fine"
    turn = StepRun.objects.get(run=run, path="draft.turn[0].model")
    assert [attempt.outcome for attempt in turn.attempts.order_by("number")] == [
        "failed", "succeeded"
    ]  # fmt: skip


def test_a_rehearsal_needs_no_key_and_changes_nothing(settings):
    settings.ANTHROPIC_API_KEY = ""
    KEYS.clear()
    tools = ["runs.lookup", {"tool": "runs.refund", "approval": "none"}]

    run = run_to_rest(
        version_make([agent(tools=tools, output=SCHEMA)], output="=steps.draft.output"),
        {"id": "A-1042"},
        mode="rehearsal",
    )

    assert run.state == "succeeded"
    assert set(run.output) == {"answer"}
    assert output_of(run, "draft.turn[0].call[0].runs_lookup") == {
        "id": "A-1042",
        "state": "broken",
    }
    assert KEYS == []


WORKERS = {
    "search": {"id": "search", "kind": "tool", "with": {"tool": "runs.lookup"}},
    "note": {"id": "note", "kind": "model", "with": {"model": "small", "prompt": "Sum it up."}},
}


def plan(**settings):
    return {
        "id": "research",
        "kind": "plan",
        "with": {"model": "large", "prompt": "Find out", "workers": WORKERS, **settings},
    }


def plan_step(name, worker, *needs, **values):
    return {"id": name, "worker": worker, "input": values, "depends_on": list(needs)}


GOOD = {
    "steps": [
        plan_step("a", "search", id="A"),
        plan_step("b", "search", id="B"),
        plan_step("sum", "note", "a", "b"),
    ]
}
DONE = {"decision": "done", "reason": "enough"}


def test_a_plan_is_written_carried_out_and_judged(model):
    model.reply(json_reply(GOOD), text("Both are broken."), json_reply(DONE))

    run = run_to_rest(version_make([plan()], output="=steps.research.output"))

    assert run.state == "succeeded", run.error
    assert run.output["plan"] == GOOD
    assert run.output["results"] == {
        "a": {"id": "A", "state": "broken"},
        "b": {"id": "B", "state": "broken"},
        "sum": "Both are broken.",
    }
    found = states(run)
    assert found["research.round[0].wave[0].step[1].search"] == "succeeded"
    assert found["research.round[0].wave[1].step[0].note"] == "succeeded"
    assert '"state": "broken"' in model.requests[1].body["messages"][0]["content"].replace(
        '":"', '": "'
    )


def test_an_unusable_plan_goes_back_with_its_problems(model):
    circle = {
        "steps": [plan_step("a", "search", "b", id="A"), plan_step("b", "search", "a", id="B")]
    }
    one = {"steps": [plan_step("a", "search", id="A")]}
    model.reply(json_reply(circle), json_reply(one), json_reply(DONE))

    run = run_to_rest(version_make([plan()], output="=steps.research.output"))

    assert run.state == "succeeded", run.error
    told = model.requests[1].body["messages"][0]["content"]
    assert "wait for each other" in told
    assert run.output["results"] == {"a": {"id": "A", "state": "broken"}}


def test_finished_results_are_carried_into_the_next_plan(model):
    first = {"steps": [plan_step("a", "search", id="A"), plan_step("x", "search", id="gone")]}
    second = {"steps": [plan_step("sum", "note", "a")]}
    replan = {"decision": "replan", "reason": "x is gone"}
    model.reply(json_reply(first), json_reply(replan), json_reply(second), text("A is broken."),
                json_reply(DONE))  # fmt: skip

    run = run_to_rest(version_make([plan()], output="=steps.research.output"))

    assert run.state == "succeeded", run.error
    assert run.output["results"] == {
        "a": {"id": "A", "state": "broken"}, "x": None, "sum": "A is broken."
    }  # fmt: skip
    assert "x is gone" in model.requests[2].body["messages"][0]["content"]


def test_plans_that_stay_unusable_exhaust_it(model):
    model.answer = lambda request: json_reply({"steps": [plan_step("a", "nobody")]})

    run = run_to_rest(version_make([plan(limit=2)]))

    assert (run.state, run.error["code"]) == ("failed", "exhausted")
    assert len(model.requests) == 2


@pytest.mark.parametrize("review", ["end", "each"])
def test_a_plan_rehearses_without_a_model(settings, review):
    settings.ANTHROPIC_API_KEY = ""

    run = run_to_rest(
        version_make([plan(review=review)], output="=steps.research.output"), mode="rehearsal"
    )

    assert run.state == "succeeded", run.error
    assert [step["worker"] for step in run.output["plan"]["steps"]] == ["search", "note"]


TEAM = {
    "id": "team",
    "kind": "supervisor",
    "with": {
        "model": "large",
        "prompt": "Which are broken?",
        "workers": {
            "orders": {
                "step": {"id": "orders", "kind": "tool", "with": {"tool": "runs.lookup"}},
                "input": {"type": "object", "required": ["id"]},
                "output": {"type": "object", "required": ["state"]},
                "timeout": "30s",
            }
        },
    },
}


def task(name, **values):
    return {"id": name, "worker": "orders", "input": values}


def test_a_supervisor_splits_collects_and_answers(model):
    model.reply(
        json_reply({"tasks": [task("t1", id="A"), task("t2", id="gone"), task("t3")]}),
        json_reply({"done": False, "tasks": [task("t4", id="B")]}),
        json_reply({"done": True, "answer": "A and B"}),
    )

    run = run_to_rest(version_make([TEAM], output="=steps.team.output"))

    assert run.state == "succeeded", run.error
    assert run.output["answer"] == "A and B"
    assert run.output["results"] == {
        "t1": {"id": "A", "state": "broken"}, "t2": None, "t3": None,
        "t4": {"id": "B", "state": "broken"},
    }  # fmt: skip
    told = model.requests[1].body["messages"][0]["content"]
    assert "there is no such order" in told
    assert "orders does not take this input" in told


def test_a_supervisor_that_is_never_done_is_exhausted(model):
    def answer(request):
        is_judging = "What came back" in request.body["messages"][0]["content"]
        return json_reply({"done": False} if is_judging else {"tasks": []})

    model.answer = answer
    step = {**TEAM, "with": {**TEAM["with"], "limit": 2}}

    run = run_to_rest(version_make([step]))

    assert (run.state, run.error["code"]) == ("failed", "exhausted")


def test_a_supervisor_rehearses_without_a_model(settings):
    settings.ANTHROPIC_API_KEY = ""

    run = run_to_rest(version_make([TEAM], output="=steps.team.output"), mode="rehearsal")

    assert run.state == "succeeded", run.error
    assert "stand-in" in run.output["answer"]
