"""Steps that an arm of `until` or a time limit overtakes, with real workers and rows."""

import threading

import pytest
from django.db.models.functions import Now

from tests.engine_harness import (
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
from workflows_app.core.kinds import Call, Done
from workflows_app.models import Run, RunEvent, StepRun, Timer, Undo, Workflow
from workflows_app.services.sweep import timers_fire
from workflows_app.services.triggers import trigger_fire

pytestmark = pytest.mark.django_db(transaction=True)
BEGUN, MAY_END = threading.Event(), threading.Event()
UNDONE: list[object] = []


@pytest.fixture(autouse=True)
def fresh():
    BEGUN.clear()
    MAY_END.clear()
    UNDONE.clear()
    yield
    MAY_END.set()


@script("held_effect")
def _held(call: Call) -> Done:
    BEGUN.set()
    assert MAY_END.wait(20)
    return Done(output={"id": "P-1"})


@script("take_back")
def _take_back(call: Call) -> Done:
    UNDONE.append(call.settings["value"])
    return Done()


UNDO = {"kind": "script", "name": "take_back", "value": "=output.id"}
SOON = [{"port": "late", "after": "300ms"}]
ONE_DAY = [{"port": "late", "after": "1d"}]


def effect(name, **more):
    return step(name, "held_effect", effect="reversible", undo=UNDO, **more)


def overtake(run):
    """Let a day pass once the call is out."""
    assert BEGUN.wait(20)
    Timer.objects.filter(run=run).update(due_at=Now())
    timers_fire()


def ended(run):
    timers_fire()  # what a scheduler does
    return Run.objects.get(pk=run.pk).finished_at is not None


def test_an_effect_that_is_overtaken_is_recorded_and_undone_at_the_end():
    version = version_make(
        [effect("pay", until=ONE_DAY), step("other", value=7)], edges("pay.late>other")
    )

    with worker_running():
        run = run_make(version)
        overtake(run)
        until(lambda: states(run).get("other") == "succeeded")
        meanwhile = states(run)["pay"], ended(run)
        MAY_END.set()
        until(lambda: ended(run))

    run.refresh_from_db()
    pay = StepRun.objects.get(run=run, path="pay")
    assert meanwhile == ("running", False)
    assert (pay.port, pay.output, pay.state) == ("late", {"id": "P-1"}, "compensated")
    assert UNDONE == ["P-1"]
    assert (run.state, run.output) == ("succeeded", 7)
    assert "step.undone pay compensated" in events(run)
    record = RunEvent.objects.get(run=run, type="step.ended", path="pay")
    assert (record.trigger, record.to_state, record.data["port"]) == (
        "until:late",
        "cancelled",
        "late",
    )


def test_an_effect_inside_a_group_that_is_overtaken_is_undone_before_the_run_ends():
    body = {"steps": [effect("pay"), step("never")], "edges": edges("pay>never")}
    group = {"id": "g", "kind": "group", "with": {"body": body}, "until": ONE_DAY}
    version = version_make([group, step("other", value=7)], edges("g.late>other"))

    with worker_running():
        run = run_make(version)
        overtake(run)
        until(lambda: states(run).get("other") == "succeeded")
        MAY_END.set()
        until(lambda: ended(run))

    run.refresh_from_db()
    assert UNDONE == ["P-1"]
    assert run.state == "succeeded"
    assert "g.never" not in states(run)
    assert states(run)["g"] == "cancelled"
    assert Undo.objects.get(run=run).state == "done"


def test_a_map_that_is_overtaken_gives_the_items_that_were_done():
    quick = {"id": "quick", "kind": "transform", "with": {"value": "=item * 10.0"}}
    slow = {"id": "slow", "kind": "delay", "with": {"for": "1h"}, "when": "item > 1.0"}
    body = {"steps": [quick, slow], "edges": edges("quick>slow"), "output": "=steps.quick.output"}
    many = {
        "id": "m",
        "kind": "map",
        "with": {"items": [1, 2, 3], "body": body, "concurrency": 3},
        "until": SOON,
    }
    after = {"id": "after", "kind": "transform", "with": {"value": "=steps.m.output"}}
    version = version_make([many, after], edges("m.late>after"))

    with worker_running():
        run = run_make(version)
        until(lambda: ended(run))

    run.refresh_from_db()
    assert run.output == {"items": [10, None, None], "total": 3, "processed": 1, "failed": 0}
    assert StepRun.objects.get(run=run, path="m").state == "cancelled"


def test_a_child_run_is_cancelled_when_its_step_is_overtaken():
    child = version_make([{"id": "long", "kind": "delay", "with": {"for": "1h"}}])
    sub = {
        "id": "sub",
        "kind": "workflow",
        "with": {"slug": child.workflow.slug, "input": {}},
        "until": SOON,
    }
    version = version_make([sub, step("other", value=7)], edges("sub.late>other"))

    with worker_running():
        run = run_make(version)
        until(lambda: ended(run))

    run.refresh_from_db()
    assert (run.state, run.output) == ("succeeded", 7)
    assert states(run)["sub"] == "cancelled"
    assert Run.objects.get(parent=run).state == "cancelled"


def test_a_child_run_that_takes_too_long_is_cancelled_and_its_step_times_out():
    child = version_make([{"id": "long", "kind": "delay", "with": {"for": "1h"}}])
    sub = {
        "id": "sub",
        "kind": "workflow",
        "with": {"slug": child.workflow.slug, "input": {}},
        "timeout": "300ms",
    }
    version = version_make([sub, step("other", value=7)], edges("sub.error>other"))

    with worker_running():
        run = run_make(version)
        until(lambda: ended(run))

    assert states(run) == {"sub": "timed_out", "other": "succeeded"}
    assert Run.objects.get(parent=run).state == "cancelled"
    assert Workflow.objects.count() == 2


def test_a_machine_ends_once_the_effect_of_a_state_it_left_is_recorded():
    paying = {"entry": {"steps": [effect("pay")], "edges": []}}
    version = version_make(
        [
            {
                "id": "m",
                "kind": "state_machine",
                "with": {
                    "initial": "paying",
                    "states": {"paying": paying, "dropped": {"terminal": True}},
                    "transitions": [{"trigger": "drop", "from": "paying", "to": "dropped"}],
                },
            }
        ]
    )

    with worker_running():
        run = run_make(version)
        assert BEGUN.wait(10)
        trigger_fire(run_id=run.pk, path="m", trigger="drop", data=None, actor="user:x")
        meanwhile = StepRun.objects.get(run=run, path="m").progress["state"], ended(run)
        MAY_END.set()
        until(lambda: ended(run))

    run.refresh_from_db()
    assert meanwhile == ("dropped", False)
    assert run.output == {"state": "dropped", "visits": {"paying": 1, "dropped": 1}}
    assert UNDONE == ["P-1"]
