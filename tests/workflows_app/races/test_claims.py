"""Races and losses at the boundaries of a step: one claim, one completion, whatever happens."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from tests.engine_harness import (
    at_rest,
    edges,
    events,
    run_make,
    script,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.facts import StepSucceeded
from workflows_app.core.kinds import Call, Done
from workflows_app.models import Attempt, InboxFact, Run, RunEvent, StepRun, Timer
from workflows_app.services import control, sweep
from workflows_app.services.apply import facts_apply
from workflows_app.services.batch import ScopeFact
from workflows_app.services.claim import steps_claim
from workflows_app.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)
SEEN: Counter[str] = Counter()
SEEN_LOCK = threading.Lock()
GATE = threading.Event()
NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@script("seen")
def _seen(call: Call) -> Done:
    with SEEN_LOCK:
        SEEN[call.key] += 1
    return Done(output=call.settings["value"])


@script("race_gate")
def _gate(call: Call) -> Done:
    GATE.wait(10)
    return Done(output="late")


@pytest.fixture(autouse=True)
def fresh():
    SEEN.clear()
    GATE.clear()


def in_threads(count, act):
    """Call `act(index)` in threads that start together; give the results."""
    barrier = threading.Barrier(count)

    def one(index):
        barrier.wait()
        try:
            return act(index)
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def lease_run_out(**of):
    StepRun.objects.filter(**of).update(lease_expires_at=F("started_at") - timedelta(seconds=1))


def test_one_of_many_workers_gets_a_step():
    version = version_make([step("a")])
    run = run_make(version)

    claims = in_threads(8, lambda i: steps_claim(worker=f"w{i}", limit=1, run_ids=[run.pk]).claims)

    assert sum(len(one) for one in claims) == 1
    assert StepRun.objects.get(run=run).attempt == 1


def test_the_same_message_to_many_workers_runs_each_step_once():
    version = version_make(
        [
            step("a", "seen"),
            {
                "id": "m",
                "kind": "map",
                "with": {
                    "items": "=input.n",
                    "concurrency": 50,
                    "body": {"steps": [step("x", "seen", "=item")], "edges": []},
                },
            },
            step("z", "seen"),
        ],
        edges("a>m", "m>z"),
    )
    run = run_make(version, {"n": list(range(40))})
    workers = [Worker(slots=4, name=f"w{i}") for i in range(4)]

    in_threads(4, lambda i: workers[i].advance([run.pk]))

    def drained():
        for worker in workers:
            worker.advance([run.pk])
        return at_rest(run.pk)

    until(drained, 20)
    for worker in workers:
        worker.stop()
    run.refresh_from_db()
    assert run.state == "succeeded"
    assert set(SEEN.values()) == {1}
    assert len(SEEN) == 42
    ended = Counter(
        RunEvent.objects.filter(run=run, type="step.ended").values_list("path", flat=True)
    )
    assert set(ended.values()) == {1}
    sequences = RunEvent.objects.filter(run=run).order_by("sequence")
    assert list(sequences.values_list("sequence", flat=True)) == list(range(1, run.sequence + 1))
    assert run.active == 0
    assert not InboxFact.objects.exists()


def test_a_late_result_finds_no_row():
    version = version_make([step("a")])
    run = run_make(version)
    claim = steps_claim(worker="gone", limit=1, run_ids=[run.pk]).claims[0]
    lease_run_out(run=run)
    until(lambda: sweep.leases_expire(NOW) == 0)
    again = steps_claim(worker="next", limit=1, run_ids=[run.pk]).claims[0]

    late = facts_apply(
        [
            ScopeFact(
                scope_id=claim.scope_id,
                run_id=run.pk,
                fact=StepSucceeded(step_run=claim.id, token=claim.token, output="late"),
            )
        ]
    )

    assert late.accepted == 0
    assert again.attempt == 2
    assert states(run) == {"a": "running"}
    assert Attempt.objects.get(step_run__run=run).outcome == "lost"


def test_an_effect_whose_worker_stopped_waits_for_a_person():
    version = version_make([step("pay", "race_gate", effect="irreversible", is_idempotent=False)])
    with worker_running():
        run = run_make(version)
        until(lambda: StepRun.objects.filter(run=run, effect="irreversible").exists())
        lease_run_out(run=run)

        until(lambda: sweep.leases_expire(NOW) == 0)

        found = StepRun.objects.get(run=run)
        assert (found.state, found.reason) == ("waiting", "incident")
        GATE.set()
    assert StepRun.objects.get(run=run).state == "waiting"


def test_a_lost_nudge_costs_only_time():
    version = version_make([step("a", "seen")])
    run = run_make(version)
    StepRun.objects.filter(run=run).update(send_at=F("ready_at") - timedelta(seconds=1))

    with worker_running():
        sweep.ready_resend(NOW)
        until(lambda: at_rest(run.pk))

    assert Run.objects.get(pk=run.pk).state == "succeeded"


def test_a_timer_that_two_schedulers_see_fires_once():
    version = version_make([{"id": "d", "kind": "delay", "with": {"for": "10m"}}])
    with worker_running():
        run = run_make(version)
        until(lambda: Timer.objects.filter(run=run).exists())
        Timer.objects.update(due_at=F("due_at") - timedelta(hours=1))

        in_threads(4, lambda _i: sweep.timers_fire())

        until(lambda: at_rest(run.pk))
    assert [one for one in events(run) if one.startswith("step.ended")] == [
        "step.ended d succeeded"
    ]
    assert not Timer.objects.exists()


def test_cancel_meets_completion_and_one_of_them_wins():
    version = version_make([step("a", "seen"), step("b", "seen")], edges("a>b"))
    for _ in range(10):
        run = run_make(version)
        with worker_running(2) as worker:
            in_threads(
                2,
                lambda i, run=run, worker=worker: (
                    worker.advance([run.pk]) if i else _cancel(run.pk)
                ),
            )
            until(lambda run=run: Run.objects.get(pk=run.pk).finished_at is not None)
        run.refresh_from_db()
        assert run.state in ("cancelled", "succeeded")
        assert run.active == 0
        kinds = [one for one in events(run) if one.startswith("run.ended")]
        assert len(kinds) == 1


def _cancel(run_id):
    try:
        control.run_cancel(run_id=run_id, actor="user:x", reason="stop")
    except control.IllegalState:
        return
