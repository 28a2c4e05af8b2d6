"""Reviews and rollbacks that reach into the runs of `workflow` steps."""

import pytest

from tests.approvals_app.with_engine.driving import (
    acting,
    asked,
    decide,
    ended,
    incident,
    reject,
    reviewed,
)
from tests.engine_harness import (
    SCRIPTS,
    edges,
    run_make,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import StepError
from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.services.control import run_rollback
from workflows_app.services.rerun import run_skip
from workflows_app.services.sweep import timers_fire

pytestmark = pytest.mark.django_db(transaction=True)


def calling(id, version):
    return {"id": id, "kind": "workflow", "with": {"slug": version.workflow.slug, "input": {}}}


def test_a_no_rolls_the_child_run_back_that_rested_on_the_step(people, ledger):
    child = version_make([acting("ship"), acting("bill")], edges("ship>bill"))
    version = version_make(
        [reviewed("a"), calling("sub", child), step("sorry")], edges("a>sub", "a.rejected>sorry")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: states(run).get("sub") == "succeeded")
        reject(request, people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "do ship", "do bill", "undo bill", "undo ship", "undo a"]
    inner = Run.objects.get(parent=run)
    assert inner.state == "compensated"
    reopened = RunEvent.objects.get(run=inner, type="run.reopened")
    assert reopened.why == "the run that started it is rolled back"
    undone = RunEvent.objects.filter(run=run, type="step.undone").order_by("sequence")
    assert [one.path for one in undone] == ["sub", "a"]


def test_a_rollback_reaches_runs_of_runs_and_happens_once(people, ledger):
    innermost = version_make([acting("ship")])
    middle = version_make([calling("deep", innermost)])
    version = version_make([acting("a"), calling("sub", middle)], edges("a>sub"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        ended(run)
        child = Run.objects.get(parent=run)
        run_rollback(run_id=child.pk, actor="user:olga", reason="that part only")
        assert ended(child).state == "compensated"
        run_rollback(run_id=run.pk, actor="user:olga", reason="all of it")
        assert ended(run).state == "compensated"

    assert ledger == ["do a", "do ship", "undo ship", "undo a"]
    assert set(Run.objects.values_list("state", flat=True)) == {"compensated"}


def test_what_a_child_run_could_not_undo_is_named_by_the_parent(people, ledger, monkeypatch):
    def takes_back(call):
        raise StepError("closed", "the books are closed")

    monkeypatch.setitem(SCRIPTS, "takes_back", takes_back)
    version = version_make([calling("sub", version_make([acting("ship")]))])
    with worker_running():
        run = run_make(version, user=people["olga"])
        ended(run)
        run_rollback(run_id=run.pk, actor="user:olga")
        child = Run.objects.get(parent=run)
        incident(child, "ship.undo")
        run_skip(run_id=child.pk, path="ship.undo", actor="user:olga", reason="by phone")
        done = ended(run)

    assert (done.state, done.error["message"]) == ("failed", "not undone: sub")
    assert ended(child).error["message"] == "not undone: ship"


def test_an_irreversible_step_of_a_run_within_a_run_waits_for_the_answer(people, ledger):
    final = step("pay", "acts", "pay", effect="irreversible")
    inner = {"steps": [final], "edges": []}
    innermost = version_make([{"id": "g", "kind": "group", "with": {"body": inner}}])
    middle = version_make([calling("deep", innermost)])
    free = version_make([step("free", "acts", "free", effect="irreversible")])
    version = version_make(
        [reviewed("a"), calling("sub", middle), calling("beside", free)], edges("a>sub")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        waiting = StepRun.objects.filter(path="g.pay", state="waiting", reason="review")
        until(waiting.exists)
        until(lambda: "do free" in ledger)
        assert "do pay" not in ledger
        decide(request, people["anna"])
        until(lambda: timers_fire() >= 0 and Run.objects.get(pk=run.pk).finished_at is not None)

    assert ledger.count("do pay") == 1
