"""Brief tools without an effect share the commit of what made them ready; nothing else does."""

import threading
import time
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests.engine_harness import events, run_make, states, until, version_make
from workflows_app import notify
from workflows_app.agents.tools import tool
from workflows_app.core.graph import Node
from workflows_app.models import Run, StepRun, WorkflowVersion
from workflows_app.services.begin import runs_begin
from workflows_app.services.context import version_context
from workflows_app.services.pace import BRIEF_SECONDS, Pace
from workflows_app.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = ("inline.count", "inline.pay", "inline.broken", "inline.reads", "inline.sometimes_stuck")
LEASE = timedelta(minutes=1)
CALLS: list[str] = []
STUCK = threading.Event()
GO_ON = threading.Event()


@tool("inline.count", effect="none")
def count(n: float) -> float:
    """Add one."""
    CALLS.append("count")
    return n + 1


@tool("inline.pay", effect="irreversible", idempotent=True)
def pay(n: float) -> float:
    """Pay, or seem to."""
    CALLS.append("pay")
    return n


@tool("inline.broken", effect="none")
def broken(n: float) -> float:
    """Ask the database something that it refuses."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1/0")
    return n


@tool("inline.reads", effect="none")
def reads(n: float) -> int:
    """Count on the caller's connection, where a step that ended in the same commit would show."""
    return StepRun.objects.filter(state="succeeded").count()


@tool("inline.sometimes_stuck", effect="none")
def sometimes_stuck(n: float) -> float:
    """Answer at once, unless it is told to hang."""
    if STUCK.is_set():
        GO_ON.wait(30)
    return n


def version_of(*tools: str) -> WorkflowVersion:
    """Give a chain of these tools, pinned as publishing pins them."""
    steps = [
        {"id": f"s{number}", "kind": "tool", "with": {"tool": name, "arguments": {"n": "=input.n"}}}
        for number, name in enumerate(tools)
    ]
    edges = [{"from": f"s{n}", "to": f"s{n + 1}"} for n in range(len(tools) - 1)]
    version = version_make(steps, edges)
    version.pins = {"tools": dict.fromkeys(tools, "code:1")}
    version.save(update_fields=["pins"])
    return version


@pytest.fixture
def worker(monkeypatch):
    """Give a worker that takes these tools for brief, however busy the machine is."""
    monkeypatch.setattr("workflows_app.services.pace.BRIEF_SECONDS", 60.0)
    monkeypatch.setattr("workflows_app.services.pace.SHORT_SECONDS", 60.0)
    CALLS.clear()
    GO_ON.clear()
    worker = Worker(slots=4)
    worker.start()
    for node in version_of(*NAMES, *NAMES).expanded["steps"]:
        worker.pace._averages[f"tool:{node['with']['tool']}"] = 0.0001
    yield worker
    STUCK.clear()
    GO_ON.set()
    worker.stop()


def commits(run: Run) -> int:
    """Count the transactions that wrote the ends of this run's steps."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT xmin::text) FROM workflows_app_steprun WHERE run_id = %s",
            [run.pk],
        )
        return int(cursor.fetchone()[0])


def ended(run: Run) -> bool:
    run.refresh_from_db()
    return run.finished_at is not None


def test_a_chain_of_brief_tools_shares_one_commit(worker):
    run = run_make(version_of(*["inline.count"] * 4), {"n": 1})
    until(lambda: ended(run))
    assert run.state == "succeeded"
    assert commits(run) == 1
    assert CALLS == ["count"] * 4
    kinds = [one for one in events(run) if one.startswith("step.ended")]
    assert len(kinds) == 4


def test_a_tool_with_an_effect_is_written_down_before_anything_follows(worker):
    run = run_make(version_of("inline.count", "inline.pay", "inline.count"), {"n": 1})
    until(lambda: ended(run))
    assert run.state == "succeeded"
    first, paid, last = (StepRun.objects.get(run=run, step=name) for name in ("s0", "s1", "s2"))
    assert first.finished_at <= paid.finished_at < last.finished_at
    assert commits(run) == 3


def begun_here(worker, *tools: str, version: WorkflowVersion | None = None) -> Run:
    """Start a run that the worker is told of as of one from elsewhere."""
    told = notify.local_worker
    notify.local_worker = lambda run_ids: None
    try:
        run = run_make(version or version_of(*tools), {"n": 1})
    finally:
        notify.local_worker = told
    return run


def test_a_new_run_of_brief_tools_begins_without_a_claim(worker, monkeypatch):
    def refuse(**_: object) -> None:
        raise AssertionError("a claim was made")

    monkeypatch.setattr("workflows_app.lane.steps_claim", refuse)
    run = begun_here(worker, *["inline.count"] * 3)
    worker.advance([run.pk])
    assert ended(run)
    assert run.state == "succeeded"
    assert CALLS == ["count"] * 3
    first = StepRun.objects.get(run=run, step="s0")
    assert (first.attempt, first.output, first.input["arguments"]) == (1, 2, {"n": 1})
    assert run.started_at <= first.started_at <= first.finished_at
    assert [one.split(" ")[0] for one in events(run)[:3]] == [
        "run.queued",
        "step.ready",
        "run.started",
    ]


def test_a_new_run_whose_first_step_has_an_effect_is_claimed(worker):
    run = begun_here(worker, "inline.pay", "inline.count")
    assert runs_begin([run.pk], worker.pace) == []
    worker.advance([run.pk])
    until(lambda: ended(run))
    assert CALLS == ["pay", "count"]


def test_what_a_commit_leaves_over_of_a_new_run_is_claimed(worker, monkeypatch):
    monkeypatch.setattr("workflows_app.services.inline.STEPS", 1)
    tools = {"tool": "inline.count", "arguments": {"n": "=input.n"}}
    version = version_make([{"id": name, "kind": "tool", "with": tools} for name in ("a", "b")])
    version.pins = {"tools": {"inline.count": "code:1"}}
    version.save(update_fields=["pins"])
    run = begun_here(worker, version=version)
    assert len(runs_begin([run.pk], worker.pace)) == 1
    worker.advance([run.pk])
    until(lambda: ended(run))
    assert states(run) == {"a": "succeeded", "b": "succeeded"}
    assert CALLS == ["count"] * 2


def test_what_another_worker_claims_meanwhile_is_its_own(worker):
    run = begun_here(worker, "inline.count", "inline.count")
    facts = runs_begin([run.pk], worker.pace)
    assert len(facts) == 1
    token = uuid4()
    StepRun.objects.filter(run=run).update(
        state="running", token=token, lease_owner="another", lease_expires_at=Now() + LEASE
    )
    worker.write(facts, 0)
    step = StepRun.objects.get(run=run)
    assert (step.state, step.token, step.output) == ("running", token, None)
    assert "step.ended" not in " ".join(events(run))


def test_a_run_that_is_paused_meanwhile_does_not_begin(worker):
    run = begun_here(worker, "inline.count")
    facts = runs_begin([run.pk], worker.pace)
    Run.objects.filter(pk=run.pk).update(state="paused")
    worker.write(facts, 0)
    run.refresh_from_db()
    assert run.state == "paused"
    assert states(run) == {"s0": "ready"}


def test_what_a_tool_asks_the_database_does_not_touch_the_commit(worker):
    run = run_make(version_of("inline.count", "inline.broken"), {"n": 1})
    until(lambda: ended(run))
    assert states(run) == {"s0": "succeeded", "s1": "failed"}
    assert StepRun.objects.get(run=run, step="s1").error["code"] == "tool_failed"


def test_a_tool_sees_what_is_committed_and_no_more(worker):
    run = run_make(version_of("inline.count", "inline.reads"), {"n": 1})
    until(lambda: ended(run))
    assert run.state == "succeeded"
    assert StepRun.objects.get(run=run, step="s1").output == 0


def test_a_brief_tool_that_hangs_is_noticed(worker):
    STUCK.set()
    run = run_make(version_of("inline.count", "inline.sometimes_stuck"), {"n": 1})
    until(lambda: worker.is_overdue(0.05))
    assert not worker.is_overdue(3600)
    GO_ON.set()
    until(lambda: ended(run))
    assert run.state == "succeeded"
    assert not worker.is_overdue(0.0)


def test_a_slow_answer_ends_the_trust_at_once():
    pace, node = Pace(), _node("inline.count")
    pace.note(node, BRIEF_SECONDS / 10)
    assert pace.is_brief(node)
    with pace.inline(node):
        time.sleep(BRIEF_SECONDS * 30)  # the time that passes is what is measured
    assert not pace.is_brief(node)
    assert not pace.is_short(node)


def _node(name: str) -> Node:
    return version_context(version_of(name).pk).graphs[""].nodes["s0"]
