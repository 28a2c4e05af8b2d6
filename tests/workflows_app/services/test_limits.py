"""Limits of a run: its time and its step runs; what it goes on without."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from tests.engine_harness import (
    edges,
    events,
    run_make,
    run_to_rest,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.services.rerun import run_retry
from workflows_app.services.sweep import runs_time_out

pytestmark = pytest.mark.django_db(transaction=True)


def _late(run: Run) -> Run:
    """Let the time of a run be used up, and let the scheduler see it."""
    Run.objects.filter(pk=run.pk).update(deadline_at=Now() - timedelta(seconds=1))
    runs_time_out(timezone.now())
    return Run.objects.get(pk=run.pk)


def _waiting() -> Run:
    version = version_make(
        [{"id": "wait", "kind": "delay", "with": {"for": "1h"}}, step("after")],
        edges("wait>after"),
        limits={"timeout": "10m"},
    )
    with worker_running():
        run = run_make(version)
        until(lambda: Run.objects.get(pk=run.pk).state == "waiting")
    return run


def test_a_run_that_used_up_its_time_ends_timed_out():
    run = _late(_waiting())

    assert (run.state, run.error["code"]) == ("timed_out", "run_timeout")
    assert StepRun.objects.get(run=run).state == "cancelled"
    ended = RunEvent.objects.get(run=run, type="run.ended")
    assert ended.to_state == "timed_out"


def test_a_run_that_is_retried_after_its_time_has_the_whole_of_it_again():
    run = _late(_waiting())

    again = run_retry(run_id=run.pk, actor="user:tester", path="wait", reason="more time")

    assert again.finished_at is None
    left = Run.objects.get(pk=run.pk).deadline_at - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)


@pytest.mark.parametrize("limit", [1, 2])
@pytest.mark.parametrize("kind", ["script", "transform"])
def test_a_run_beyond_its_step_runs_fails_and_begins_no_more(limit, kind):
    def one(name: str) -> dict:
        is_pure = kind == "transform"
        return {"id": name, "kind": kind, "with": {"value": 1}} if is_pure else step(name)

    version = version_make(
        [one("a"), one("b"), one("c"), one("d")],
        edges("a>b", "b>c", "c>d"),
        limits={"step_runs": limit},
    )

    with worker_running():
        run = run_make(version)
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)

    run.refresh_from_db()
    assert (run.state, run.error["code"]) == ("failed", "step_limit")
    done = StepRun.objects.filter(run=run, state="succeeded")
    assert sorted(done.values_list("path", flat=True)) == ["a", "b"][:limit]


def test_a_run_that_needs_no_more_than_its_step_runs_succeeds():
    version = version_make([step("a"), step("b")], edges("a>b"), limits={"step_runs": 2})

    assert run_to_rest(version).state == "succeeded"


def _map(failures: object) -> list[dict]:
    body = {"steps": [{"id": "half", "kind": "transform", "with": {"value": "=10.0 / item"}}]}
    settings = {"items": "=input", "failures": failures, "body": body}
    return [{"id": "each", "kind": "map", "with": settings}]


def test_items_that_a_map_goes_on_without_are_listed_as_degraded():
    run = run_to_rest(version_make(_map(1)), [5, 0, 2])

    assert run.state == "succeeded"
    assert run.output == {"items": [2, None, 5], "total": 3, "processed": 2, "failed": 1}
    assert [one["path"] for one in run.degraded] == ["each[1].half"]
    assert set(run.degraded[0]) == {"path", "code", "message"}


def test_what_is_run_again_is_degraded_no_more():
    run = run_to_rest(version_make([step("a", "boom", optional=True), step("b")], edges("a>b")))
    assert [one["path"] for one in run.degraded] == ["a"]

    again = run_retry(run_id=run.pk, actor="user:tester", path="a", reason="again")

    assert again.degraded == []


def test_history_is_told_in_the_order_of_its_times():
    run = run_to_rest(version_make([step("a"), step("b")], edges("a>b")))

    times = [event.at for event in RunEvent.objects.filter(run=run).order_by("sequence")]

    assert times == sorted(times)
    assert run.started_at == RunEvent.objects.get(run=run, type="run.started").at
    assert events(run)[0] == "run.queued queued"


def test_an_end_that_fails_the_run_is_named():
    end = {"id": "stop", "kind": "end", "with": {"outcome": "error"}}
    run = run_to_rest(version_make([step("a"), end], edges("a>stop")))

    assert run.state == "failed"
    assert (run.error["code"], run.error["path"]) == ("error", "stop")
