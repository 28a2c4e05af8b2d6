"""Circuit breakers, through the engine and a real server."""

import json
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from tests.agents.http_server import ToolServer
from tests.engine_harness import edges, run_make, run_to_rest, until, version_make, worker_running
from tests.fake_anthropic import error, json_reply, text
from workflows_app.agents.core.breakers import counts
from workflows_app.agents.models import Breaker
from workflows_app.agents.services.breakers import breaker_close
from workflows_app.agents.services.tools import tool_put
from workflows_app.agents.tools import ToolError, tool
from workflows_app.errors import NotFound
from workflows_app.models import AppEvent, Attempt, Run, StepRun, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
CALLS: list[str] = []
ANSWERS: list[Exception] = []
ONCE = {"attempts": 1}


@tool("breakers.shaky", effect="none")
def shaky(name: str) -> dict[str, str]:
    """Do what the test says."""
    CALLS.append(name)
    if ANSWERS:
        raise ANSWERS.pop(0)
    return {"name": name}


@pytest.fixture(autouse=True)
def _fresh():
    CALLS.clear()
    ANSWERS.clear()


def call(id="a", name="breakers.shaky", **more):
    return {"id": id, "kind": "tool", "with": {"tool": name, "arguments": {"name": id}}, **more}


def failed(version):
    return [run_to_rest(version).error["code"] for _ in range(5)]


def reopen_past(name="tool:breakers.shaky", seconds=61):
    """Let a minute go by: the breaker opened that much earlier."""
    then = Now() - timedelta(seconds=seconds)
    return Breaker.objects.filter(name=name).update(opened_at=then)


def test_only_overload_and_absence_count():
    assert [code for code in ("timeout", "connection", "http_429", "http_500", "http_599") if
            not counts(code)] == []  # fmt: skip
    assert [code for code in ("http_404", "tool_failed", "http_5", "output_invalid") if
            counts(code)] == []  # fmt: skip


def test_five_failures_in_a_row_open_it_for_every_run_and_a_step_waits():
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))
    version = version_make([call(retry=ONCE)])

    assert failed(version) == ["timeout"] * 5
    run = run_to_rest(version)
    step = StepRun.objects.get(run=run)

    assert (step.state, step.reason, step.attempt) == ("waiting", "breaker", 0)
    assert step.waiting["breaker"] == "tool:breakers.shaky"
    assert len(CALLS) == 5
    assert not Attempt.objects.filter(step_run=step).exists()
    assert AppEvent.objects.filter(type="breaker.opened", object="tool:breakers.shaky").exists()


def test_an_error_edge_takes_an_open_breaker_at_once():
    ANSWERS.extend(ConnectionError("away") for _ in range(5))
    failed(version_make([call(retry=ONCE)]))
    version = version_make(
        [call(), {"id": "b", "kind": "transform", "with": {"value": "=steps.a.error.code"}}],
        edges("a.error>b"),
        output="=steps.b.output",
    )

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", "breaker_open")
    assert len(CALLS) == 5


def test_inside_a_box_the_error_edge_of_the_box_takes_it():
    ANSWERS.extend(ConnectionError("away") for _ in range(5))
    failed(version_make([call(retry=ONCE)]))
    group = {"id": "g", "kind": "group", "with": {"body": {"steps": [call()], "edges": []}}}
    after = {"id": "b", "kind": "transform", "with": {"value": "=steps.g.error.code"}}
    version = version_make([group, after], edges("g.error>b"), output="=steps.b.output")

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", "breaker_open")


def test_a_fallback_takes_its_next_option():
    ANSWERS.extend(ConnectionError("away") for _ in range(5))
    failed(version_make([call(retry=ONCE)]))
    options = [call("first"), {"id": "second", "kind": "transform", "with": {"value": "plan B"}}]
    version = version_make([{"id": "f", "kind": "fallback", "with": {"options": options}}])

    run = run_to_rest(version)

    assert run.state == "succeeded"
    assert "plan B" in json.dumps(run.output)


def test_after_its_time_one_probe_goes_and_closes_it():
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))
    failed(version_make([call(retry=ONCE)]))
    reopen_past()

    run = run_to_rest(version_make([call()]))

    row = Breaker.objects.get(name="tool:breakers.shaky")
    assert run.state == "succeeded"
    assert (row.failures, row.opened_at, row.probing_until) == (0, None, None)


def test_a_probe_that_fails_opens_it_again():
    ANSWERS.extend(TimeoutError("slow") for _ in range(6))
    version = version_make([call(retry=ONCE)])
    failed(version)
    reopen_past()

    probe, waits = run_to_rest(version), run_to_rest(version)

    assert probe.error["code"] == "timeout"
    assert StepRun.objects.get(run=waits).reason == "breaker"
    assert len(CALLS) == 6


def test_while_one_probes_nobody_else_calls():
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))
    version = version_make([call(retry=ONCE)])
    failed(version)
    reopen_past()
    Breaker.objects.update(probing_until=Now() + timedelta(seconds=60))

    run = run_to_rest(version)

    assert StepRun.objects.get(run=run).reason == "breaker"
    assert len(CALLS) == 5


def test_an_answer_in_between_starts_the_count_over():
    ANSWERS.extend(TimeoutError("slow") for _ in range(4))
    ANSWERS.append(ToolError("no", code="refused"))
    version = version_make([call(retry=ONCE)])

    assert failed(version)[-1] == "refused"
    assert Breaker.objects.get().failures == 0


def test_closing_it_by_hand_lets_what_waits_go_on():
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))
    failed(version_make([call(retry=ONCE)]))
    version = version_make([call()])

    with worker_running() as worker:
        run = run_make(version)
        until(lambda: StepRun.objects.filter(run=run, reason="breaker").exists())
        breaker_close(
            workspace=Workspace.objects.get(), name="tool:breakers.shaky", actor="user:owner"
        )
        worker.timekeeper.wake_at([run.created_at])
        until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")

    assert AppEvent.objects.get(type="breaker.closed").actor == "user:owner"


def test_there_is_nothing_to_close_where_nothing_failed():
    workspace = Workspace.objects.create(slug="calm", name="Calm")

    with pytest.raises(NotFound):
        breaker_close(workspace=workspace, name="tool:breakers.shaky", actor="user:owner")


def test_a_tool_over_http_says_itself_when_it_is_spared(settings):
    with ToolServer() as server:
        settings.EGRESS_ALLOW = [f"127.0.0.1:{server.port}"]
        version = version_make([call(name="pay", retry=ONCE)])
        spec = {"url": server.url, "effect": "none", "breaker": {"failures": 2, "open_for": "5m"}}
        tool_put(workspace=Workspace.objects.get(), name="pay", spec=spec, actor="user:owner")
        server.answer(status=503)
        server.answer(status=429)

        codes = [run_to_rest(version).error["code"] for _ in range(2)]
        reopen_past("tool:pay", seconds=120)
        run = run_to_rest(version)

        assert codes == ["http_503", "http_429"]
        assert StepRun.objects.get(run=run).reason == "breaker"
        assert len(server.seen) == 2


def test_a_model_that_is_spared_leaves_the_call_to_the_next_one(model):
    model.reply(*(error(529) for _ in range(5)), text("from the other one"))
    ask = {"id": "m", "kind": "model", "with": {"model": "large", "prompt": "hello"}, "retry": ONCE}
    failed(version_make([ask]))
    agent = {
        "id": "a",
        "kind": "agent",
        "with": {"model": "large", "fallback_models": ["small"], "prompt": "hello", "tools": []},
    }

    run = run_to_rest(version_make([agent]))

    assert Breaker.objects.get().name == "model:large"
    assert (run.state, run.output) == ("succeeded", "from the other one")
    assert len(model.requests) == 6


def team(model, answers):
    """Give a supervisor of one worker, which calls the shaky tool; it splits into `answers`."""
    tasks = [{"id": f"t{n}", "worker": "hand", "input": {"name": f"t{n}"}} for n in range(answers)]

    def answer(request):
        is_judging = "What came back" in request.body["messages"][0]["content"]
        return json_reply({"done": True, "answer": "so"} if is_judging else {"tasks": tasks})

    model.answer = answer
    step = {"id": "hand", "kind": "tool", "with": {"tool": "breakers.shaky"}, "retry": ONCE}
    workers = {"hand": {"step": step}}
    settings = {"model": "large", "prompt": "Do it", "workers": workers}
    return {"id": "team", "kind": "supervisor", "with": settings}


def worker_errors(run):
    results = StepRun.objects.filter(run=run, kind="work_result").order_by("path")
    return [(one.output["error"] or {}).get("code") for one in results]


def test_a_worker_has_a_breaker_that_all_runs_of_its_workflow_share(model):
    """The tool's own breaker is closed by hand each time: what is left alone is the worker."""
    version = version_make([team(model, 1)])
    name = f"worker:{version.workflow.slug}.hand"
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))
    runs = []
    for _ in range(6):
        runs.append(run_to_rest(version))
        breaker_close(workspace=Workspace.objects.get(), name="tool:breakers.shaky", actor="x")

    assert [worker_errors(run) for run in runs] == [["timeout"]] * 5 + [["breaker_open"]]
    assert {run.state for run in runs} == {"succeeded"}
    assert len(CALLS) == 5
    assert AppEvent.objects.filter(type="breaker.opened", object=name).exists()

    reopen_past(name)
    probe = run_to_rest(version)

    assert (worker_errors(probe), len(CALLS)) == ([None], 6)
    assert Breaker.objects.get(name=name).failures == 0


def test_what_a_worker_gets_wrong_itself_says_nothing_of_it(model):
    version = version_make([team(model, 1)])
    ANSWERS.extend(ToolError("no such thing", code="unknown") for _ in range(6))

    errors = [worker_errors(run_to_rest(version)) for _ in range(6)]

    assert errors == [["unknown"]] * 6
    assert not Breaker.objects.filter(name__startswith="worker:").exists()


def test_a_rehearsal_counts_for_no_worker(model):
    version = version_make([team(model, 1)])
    ANSWERS.extend(TimeoutError("slow") for _ in range(5))

    for _ in range(5):
        run_to_rest(version, mode="rehearsal")

    assert not Breaker.objects.filter(name__startswith="worker:").exists()
