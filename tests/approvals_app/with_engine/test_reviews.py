"""Reviews after the act: a no undoes first, and only then the run goes on."""

import threading

import pytest
from django.db.models.functions import Now

from approvals_app.models import ApprovalRequest
from approvals_app.selectors.surroundings import consequences_of
from approvals_app.services.expire import deadlines_sweep
from tests.approvals_app.with_engine.driving import (
    GATE,
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
    events,
    run_make,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Done, StepError
from workflows_app.errors import IllegalState
from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.selectors.runs import run_get, run_shape
from workflows_app.services.control import (
    actions_now,
    run_cancel,
    run_pause,
    run_resume,
    run_rollback,
)
from workflows_app.services.rerun import run_fail, run_retry, run_skip
from workflows_app.services.sweep import leases_expire

pytestmark = pytest.mark.django_db(transaction=True)


def undone(run):
    found = RunEvent.objects.filter(run=run, type="step.undone").order_by("sequence")
    return list(found.values_list("path", flat=True))


@pytest.fixture
def held(ledger, monkeypatch):
    """A step named `late` whose call is out until the test lets it end."""
    begun, may_end = threading.Event(), threading.Event()

    def slow(call):
        begun.set()
        assert may_end.wait(30)
        ledger.append("do late")
        return Done(output={"did": "late"})

    monkeypatch.setitem(SCRIPTS, "slow", slow)
    yield begun, may_end
    may_end.set()


@pytest.fixture
def broken(ledger, monkeypatch):
    """The undo fails until the flag is cleared."""
    is_broken = threading.Event()
    is_broken.set()

    def takes_back(call):
        if is_broken.is_set():
            raise StepError("closed", "the books are closed")
        ledger.append(f"undo {call.settings['value']}")
        return Done()

    monkeypatch.setitem(SCRIPTS, "takes_back", takes_back)
    return is_broken


def test_a_rework_acts_again_only_after_the_first_effect_is_undone(people, ledger):
    version = version_make(
        [reviewed("a", "after", rework=1), step("b")], edges("a>b", "a.rejected>b")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"], "once more")
        again = asked(run)
        assert ledger == ["do a", "undo a", "do a"]
        fresh = StepRun.objects.get(run=run, path="a", is_current=True)
        assert (fresh.generation, fresh.feedback["reason"]) == (1, "once more")
        reject(again, people["anna"], "no")
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "undo a", "do a", "undo a"]
    first, second = StepRun.objects.filter(run=run, path="a").order_by("generation")
    assert (first.state, second.state, second.port) == ("compensated", "compensated", "rejected")
    assert undone(run) == ["a", "a"]
    undos = StepRun.objects.filter(run=run, path="a.undo").order_by("generation")
    assert [(one.generation, one.state) for one in undos] == [(0, "succeeded"), (1, "succeeded")]
    history = events(run)
    assert history.index("step.undone a compensated") < history.index(
        "step.superseded a compensated"
    )


def test_an_undo_that_fails_holds_the_rework_back_until_its_retry(people, ledger, broken):
    version = version_make([reviewed("a", "after", rework=1)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        waiting = incident(run, "a.undo")
        assert (ledger, states(run)["a"], waiting.error["code"]) == (
            ["do a"],
            "compensating",
            "closed",
        )
        assert Run.objects.get(pk=run.pk).state == "waiting"
        broken.clear()
        run_retry(run_id=run.pk, path="a.undo", actor="user:olga", reason="opened again")
        decide(asked(run), people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "undo a", "do a"]
    assert undone(run) == ["a"]


def test_an_undo_that_fails_is_retried_or_skipped_and_nothing_else(people, broken, ledger):
    with worker_running():
        run = run_make(version_make([reviewed("a", "after")]), user=people["olga"])
        reject(asked(run), people["anna"])
        incident(run, "a.undo")

        shown = run_shape(run_get(actor=people["olga"], run_id=run.pk))["actions"]
        assert shown == ["pause", "cancel", "retry", "skip"]
        assert actions_now(Run.objects.get(pk=run.pk)) == shown
        with pytest.raises(IllegalState) as refused:
            run_fail(run_id=run.pk, path="a.undo", actor="user:olga")
        assert refused.value.extra["allowed"] == ["retry", "skip"]


def test_an_undo_that_is_passed_over_is_named_at_the_end(people, ledger, broken):
    version = version_make([reviewed("a", "after"), step("sorry")], edges("a.rejected>sorry"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        incident(run, "a.undo")
        run_skip(run_id=run.pk, path="a.undo", actor="user:olga", reason="settled by phone")
        done = ended(run)

    assert states(run) == {"a": "failed", "sorry": "succeeded", "a.undo": "skipped"}
    assert (done.state, done.error["code"]) == ("failed", "not_undone")
    assert done.error["message"] == "not undone: a"
    assert undone(run) == []


def test_a_no_undoes_what_followed_newest_first_and_then_takes_its_port(people, ledger):
    inner = {"steps": [acting("seat")], "edges": []}
    group = {"id": "seats", "kind": "group", "with": {"body": inner}}
    version = version_make(
        [reviewed("a"), acting("b"), group, step("sorry")],
        edges("a>b", "b>seats", "a.rejected>sorry"),
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: states(run).get("seats") == "succeeded")
        shown = consequences_of(request, StepRun.objects.get(pk=request.step_run_id))
        assert [one.path for one in shown.undone] == ["seats.seat", "b", "a"]
        reject(request, people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "do b", "do seat", "undo seat", "undo b", "undo a"]
    assert undone(run) == ["seats.seat", "b", "a"]
    history = events(run)
    assert history.index("step.undone a compensated") < history.index("step.started sorry running")
    assert (states(run)["a"], states(run)["sorry"]) == ("compensated", "succeeded")


def test_what_runs_while_its_ground_is_rejected_finishes_and_is_undone_first(people, ledger, held):
    begun, may_end = held
    version = version_make(
        [reviewed("a"), acting("late", name="slow"), step("next"), step("sorry")],
        edges("a>late", "late>next", "a.rejected>sorry"),
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert begun.wait(30)
        reject(request, people["anna"])
        assert states(run) == {"a": "compensating", "late": "running", "sorry": "skipped"}
        assert ledger == ["do a"]
        may_end.set()
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "do late", "undo late", "undo a"]
    late = StepRun.objects.filter(run=run, path="late").order_by("generation").first()
    assert (late.port, late.output, late.state) == (None, {"did": "late"}, "compensated")
    assert states(run)["sorry"] == "succeeded"
    assert RunEvent.objects.filter(run=run, path="next", to_state="running").count() == 0


def test_what_never_answers_is_not_undone_with_made_up_arguments(people, ledger, held):
    begun, may_end = held
    late = acting("late", name="slow", is_idempotent=False)
    version = version_make(
        [reviewed("a"), late, step("sorry")], edges("a>late", "a.rejected>sorry")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert begun.wait(30)
        reject(request, people["anna"])
        StepRun.objects.filter(run=run, path="late").update(lease_expires_at=Now())
        until(lambda: leases_expire(None) >= 0 and states(run).get("late.undo") == "waiting")
        waiting = incident(run, "late.undo")
        assert waiting.error["code"] == "undo_incomplete"
        assert ledger == ["do a"]
        run_skip(run_id=run.pk, path="late.undo", actor="user:olga", reason="it never came through")
        done = ended(run)
        may_end.set()

    assert ledger[:2] == ["do a", "undo a"]
    assert (done.state, done.error["message"]) == ("failed", "not undone: late")
    assert done.degraded == [
        {"path": "late", "code": "unknown", "message": "it never answered after the cancel"}
    ]


def test_a_review_of_what_rests_on_a_review_is_withdrawn_with_it(people, ledger):
    version = version_make(
        [reviewed("a"), reviewed("b", rework=3), step("sorry")], edges("a>b", "a.rejected>sorry")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        pending = ApprovalRequest.objects.filter(run=run, state="pending")
        until(lambda: pending.count() == 2)
        reject(pending.get(path="a"), people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "do b", "undo b", "undo a"]
    assert ApprovalRequest.objects.get(run=run, path="b").state == "withdrawn"


def test_a_review_that_nobody_answers_is_undone(people, ledger):
    unanswered = {**GATE, "deadline": "50ms", "mode": "parallel"}
    version = version_make(
        [acting("a", review=unanswered), acting("b"), step("late")], edges("a>b", "a.expired>late")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        until(lambda: "do b" in ledger)
        until(lambda: deadlines_sweep(None) == 1)
        done = ended(run)

    assert ledger == ["do a", "do b", "undo b", "undo a"]
    assert done.state == "succeeded"
    assert StepRun.objects.get(run=run, path="a").port == "expired"


def test_a_cancelled_run_waits_for_what_is_being_taken_back(people, ledger, broken):
    version = version_make([reviewed("a", "after", rework=1)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        incident(run, "a.undo")
        run_cancel(run_id=run.pk, actor="user:olga", reason="enough")
        assert Run.objects.get(pk=run.pk).state == "cancelling"
        broken.clear()
        run_retry(run_id=run.pk, path="a.undo", actor="user:olga")
        assert ended(run).state == "cancelled"

    assert ledger == ["do a", "undo a"]


def test_both_generations_of_a_retried_step_are_rolled_back(people, ledger):
    version = version_make([acting("a"), step("b")], edges("a>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        ended(run)
        run_retry(
            run_id=run.pk,
            path="a",
            actor="user:olga",
            input={
                "name": "acts",
                "value": "a2",
                "effect": "reversible",
            },
        )
        until(lambda: "do a2" in ledger and Run.objects.get(pk=run.pk).finished_at is not None)
        run_rollback(run_id=run.pk, actor="user:olga", reason="all of it")
        assert ended(run).state == "compensated"

    assert ledger == ["do a", "do a2", "undo a2", "undo a"]
    undos = StepRun.objects.filter(run=run, path="a.undo").order_by("generation")
    assert [one.state for one in undos] == ["succeeded", "succeeded"]


def test_a_step_that_is_being_undone_is_left_alone_until_that_is_over(people, ledger, broken):
    version = version_make([reviewed("a", "after", rework=1)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        incident(run, "a.undo")
        run_pause(run_id=run.pk, actor="user:olga")
        with pytest.raises(IllegalState):
            run_retry(run_id=run.pk, path="a", actor="user:olga")
        run_resume(run_id=run.pk, actor="user:olga")
        run_skip(run_id=run.pk, path="a.undo", actor="user:olga", reason="by phone")
        decide(asked(run), people["anna"])
        ended(run)

    assert ledger == ["do a", "do a"]


def test_an_act_that_is_repeated_with_its_key_is_undone_once(people, ledger, monkeypatch):
    lost = [True]

    def acts(call):
        ledger.append(f"do {call.key.rpartition('/')[2]}")
        if lost.pop() if lost else False:
            raise StepError("lost", "no answer", outcome_unknown=True)
        return Done(output={"did": "a"})

    monkeypatch.setitem(SCRIPTS, "acts", acts)
    version = version_make([acting("a", is_idempotent=False)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        incident(run, "a")
        run_retry(run_id=run.pk, path="a", actor="user:olga", reason="ask again")
        ended(run)
        run_rollback(run_id=run.pk, actor="user:olga")
        assert ended(run).state == "compensated"

    assert ledger == ["do 0", "do 0", "undo a"]
