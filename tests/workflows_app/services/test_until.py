"""`until` and the clocks of a step: what its arms leave behind, and what comes too late."""

import threading

import pytest
from django.db import connection

from tests.engine_harness import (
    SCRIPTS,
    at_rest,
    edges,
    events,
    run_make,
    run_to_rest,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Done
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.models import Run, StepRun, Timer
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.sweep import sweep_once

pytestmark = pytest.mark.django_db(transaction=True)
STOPPED = [{"port": "stopped", "event": "work.stopped"}]


def long(id, **more):
    return {"id": id, "kind": "wait", "with": {"event": "never.sent"}, **more}


def group(*steps, **more):
    return {"id": "g", "kind": "group", "with": {"body": {"steps": [*steps], "edges": []}}, **more}


def stop(number="1"):
    event = Incoming(id=number, source="/x", type="work.stopped", subject=None, data=None)
    return event_receive(workspace=workspace_default(), event=event, actor="user:x", via="api")


def end(run):
    until(lambda: Run.objects.get(pk=run.pk).state in RUN_TERMINAL)
    connection.close()
    run.refresh_from_db()
    return run


def test_the_clocks_of_the_first_steps_of_a_run_are_kept():
    arms = [{"port": "late", "after": "1h"}]
    version = version_make([long("a", until=arms), group(long("x"), timeout="2h")])

    run = run_to_rest(version)

    timers = Timer.objects.filter(run=run).values_list("name", flat=True)
    assert set(timers) == {"until:late", "timeout"}


def test_a_clock_of_the_first_step_ends_it():
    arms = [{"port": "late", "after": "50ms"}]
    version = version_make([long("a", until=arms), step("b", value="late")], edges("a.late>b"))

    with worker_running():
        run = run_make(version)
        until(lambda: sweep_once() and Run.objects.get(pk=run.pk).state in RUN_TERMINAL)

    assert states(run) == {"a": "cancelled", "b": "succeeded"}


def test_a_map_that_is_stopped_gives_the_items_that_are_done():
    body = {"steps": [step("x", value="=item"), {**long("y"), "when": "item > 1.0"}]}
    body |= {"edges": edges("x>y"), "output": "=item"}
    settings = {"items": [1, 2, 3], "body": body}
    each = {"id": "m", "kind": "map", "with": settings, "until": STOPPED}
    version = version_make([each, step("after", value="=steps.m.output")], edges("m.stopped>after"))

    with worker_running():
        run = run_make(version)
        until(lambda: states(run).get("m[2].y") == states(run).get("m[1].y") == "waiting")
        until(lambda: StepRun.objects.get(run=run, path="m").progress["ended"] == 1)
        stop()
        run = end(run)

    assert run.output == {"items": [1, None, None], "total": 3, "processed": 1, "failed": 0}
    assert states(run)["m"] == "cancelled"


def test_the_scope_waits_for_an_effect_that_was_under_way_when_an_arm_came():
    begun, finish = threading.Event(), threading.Event()

    def slow(call):
        begun.set()
        return Done(output=finish.wait(10))

    SCRIPTS["until_slow"] = slow
    pay = step("pay", "until_slow", effect="irreversible", is_idempotent=False)
    version = version_make([group(pay, until=STOPPED), step("after")], edges("g.stopped>after"))

    with worker_running():
        run = run_make(version)
        assert begun.wait(10)
        stop()
        until(lambda: states(run).get("after") == "succeeded")
        assert Run.objects.get(pk=run.pk).state == "running"
        finish.set()
        run = end(run)

    assert run.state == "succeeded"
    assert states(run) == {"g": "cancelled", "g.pay": "succeeded", "after": "succeeded"}
    assert events(run)[-3:] == [
        "step.ended g.pay succeeded",
        "step.ended g cancelled",
        "run.ended succeeded",
    ]


def test_an_arm_that_comes_after_the_end_of_a_map_changes_nothing():
    body = {"steps": [{**long("y"), "when": "item > 1.0"}], "edges": []}
    settings = {"items": [1, 2], "body": body, "enough": 1, "rest": "leave"}
    each = {"id": "m", "kind": "map", "with": settings, "until": STOPPED}
    version = version_make(
        [each, step("after"), step("never")], edges("m>after", "m.stopped>never")
    )

    with worker_running():
        run = run_make(version)
        until(lambda: states(run).get("after") == "succeeded" and at_rest(run.pk))
        stop()
        until(lambda: at_rest(run.pk))

    assert states(run)["m"] == "running"
    assert states(run)["never"] == "skipped"


def test_an_item_that_fails_after_a_map_had_enough_is_ignored():
    gate = threading.Event()

    def odd(call):
        if call.settings["value"] == 2:
            gate.wait(10)
            raise ValueError("too late to matter")
        return Done(output=call.settings["value"])

    SCRIPTS["until_odd"] = odd
    body = {"steps": [step("x", "until_odd", "=item")], "edges": []}
    settings = {"items": [1, 2], "body": body, "enough": 1, "rest": "leave"}
    version = version_make([{"id": "m", "kind": "map", "with": settings}, step("b")], edges("m>b"))

    with worker_running():
        run = run_make(version)
        until(lambda: states(run).get("b") == "succeeded")
        gate.set()
        run = end(run)

    assert run.state == "succeeded"
    assert states(run) == {
        "m": "succeeded",
        "m[0].x": "succeeded",
        "m[1].x": "failed",
        "b": "succeeded",
    }


def test_an_item_that_is_left_goes_on_after_its_wait():
    wait = {"id": "w", "kind": "wait", "with": {"event": "work.stopped"}, "when": "item > 1.0"}
    body = {"steps": [wait, step("x", value="=item")], "edges": edges("w>x")}
    settings = {"items": [1, 2], "body": body, "enough": 1, "rest": "leave"}
    version = version_make([{"id": "m", "kind": "map", "with": settings}, step("b")], edges("m>b"))

    with worker_running():
        run = run_make(version)
        until(lambda: states(run).get("b") == "succeeded" and at_rest(run.pk))
        stop()
        run = end(run)

    assert run.state == "succeeded"
    assert states(run)["m[1].x"] == "succeeded"
