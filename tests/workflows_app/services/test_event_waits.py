"""Waiting for events: early, late, at the same moment, and never twice."""

import threading

import pytest
from django.db import connection

from tests.engine_harness import (
    at_rest,
    edges,
    run_make,
    run_to_rest,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.models import Event, EventUse, EventWait, Run, RunEvent, StepRun, Workspace
from workflows_app.services.control import run_cancel
from workflows_app.services.events import Incoming, event_receive

pytestmark = pytest.mark.django_db(transaction=True)


def wait(id="wait", **settings):
    return {"id": id, "kind": "wait", "with": {"event": "payment.received", **settings}}


def send(id="1", type="payment.received", subject=None, data=None, source="/bank"):
    workspace, _ = Workspace.objects.get_or_create(
        slug="test", defaults={"name": "Test", "is_default": True}
    )
    event = Incoming(id=id, source=source, type=type, subject=subject, data=data)
    return event_receive(workspace=workspace, event=event, actor="user:tester", via="api")


def end(run):
    until(lambda: Run.objects.get(pk=run.pk).state in RUN_TERMINAL)
    connection.close()
    run.refresh_from_db()
    return run


def waiting(*runs):
    until(lambda: all(at_rest(run.pk) for run in runs))


def output(run, path="wait"):
    return StepRun.objects.get(run=run, path=path, is_current=True).output


def test_an_event_resumes_the_step_that_waits_for_it():
    version = version_make([wait(key="=input.order")])
    with worker_running():
        run = run_make(version, {"order": "O-1"})
        waiting(run)
        other = send("1", subject="O-2")
        answer = send("2", subject="O-1", data={"amount": 5})
        run = end(run)

    assert other.resumed == []
    assert answer.resumed == [{"run": run.pk, "path": "wait"}]
    assert run.state == "succeeded"
    event = output(run)
    assert (event["id"], event["subject"], event["data"]) == ("2", "O-1", {"amount": 5})
    consumed = RunEvent.objects.get(run=run, type="event.consumed")
    assert consumed.data == {
        "id": "2",
        "source": "/bank",
        "type": "payment.received",
        "subject": "O-1",
    }
    assert not EventWait.objects.exists()
    assert EventUse.objects.get().path == "wait"


def test_an_event_that_came_before_the_wait_is_not_lost():
    gate = threading.Event()
    from tests.engine_harness import SCRIPTS
    from workflows_app.core.kinds import Done

    SCRIPTS["gate"] = lambda call: Done(output=gate.wait(10))
    version = version_make([step("first", "gate"), wait()], edges("first>wait"))
    with worker_running():
        send("before", data=0)
        run = run_make(version)
        until(lambda: states(run).get("first") == "running")
        send("early", data=1)
        send("later", data=2)
        gate.set()
        run = end(run)

    assert output(run)["id"] == "early"


def test_lookback_reaches_before_the_run_and_transient_not_even_into_it():
    send("old", data=1)
    looks = run_to_rest(version_make([wait(lookback="1h")]))
    blind = run_to_rest(version_make([wait(transient=True)]))

    assert output(looks)["id"] == "old"
    assert states(blind) == {"wait": "waiting"}


def test_a_wildcard_and_a_condition_choose_the_event():
    body = wait(event="payment.*", where="event.data.amount >= input.amount")
    with worker_running():
        run = run_make(version_make([body]), {"amount": 100})
        waiting(run)
        assert send("1", type="payment.failed", data={"amount": 5}).resumed == []
        assert send("2", type="order.paid", data={"amount": 500}).resumed == []
        assert send("3", type="payment.made", data={"sum": 500}).resumed == []
        assert len(send("4", type="payment.made", data={"amount": 100}).resumed) == 1
        run = end(run)

    assert output(run)["id"] == "4"


def test_a_condition_sees_the_steps_before_it():
    body = wait(where="event.data.id == steps.charge.output.id", lookback="1h")
    send("1", data={"id": "c-1"})
    send("2", data={"id": "c-2"})
    version = version_make([step("charge", value={"id": "c-2"}), body], edges("charge>wait"))

    run = run_to_rest(version)

    assert output(run)["id"] == "2"


def test_two_waits_of_a_run_never_take_the_same_event():
    version = version_make([wait("a"), wait("b")])
    with worker_running():
        run = run_make(version)
        waiting(run)
        first = send("1")
        until(lambda: sorted(states(run).values()) == ["succeeded", "waiting"])
        second = send("2")
        run = end(run)

    assert [len(first.resumed), len(second.resumed)] == [1, 1]
    assert {output(run, "a")["id"], output(run, "b")["id"]} == {"1", "2"}


def test_one_event_resumes_every_run_that_waits():
    version = version_make([wait()])
    with worker_running():
        runs = [run_make(version) for _ in range(5)]
        waiting(*runs)
        answer = send()
        runs = [end(run) for run in runs]

    assert {one["run"] for one in answer.resumed} == {run.pk for run in runs}


def test_a_duplicate_does_nothing():
    send("1")
    answer = send("1")

    assert (answer.duplicate, answer.started, answer.resumed) == (True, [], [])
    assert Event.objects.count() == 1


def test_a_wait_expires_and_its_event_comes_too_late():
    body = {"id": "late", "kind": "transform", "with": {"value": "late"}}
    version = version_make([wait(timeout="200ms"), body], edges("wait.expired>late"))

    with worker_running():
        run = end(run_make(version))
    answer = send()

    assert (run.state, run.output) == ("succeeded", "late")
    assert answer.resumed == []


def test_a_cancelled_wait_leaves_no_subscription():
    with worker_running():
        run = run_make(version_make([wait()]))
        waiting(run)
        run_cancel(run_id=run.pk, actor="user:tester", reason="no need")
        run = end(run)

    assert run.state == "cancelled"
    assert not EventWait.objects.exists()
    assert send().resumed == []


def test_an_arm_of_until_ends_the_step_by_its_port():
    arms = [{"port": "withdrawn", "event": "claim.*", "key": "=input.claim"}]
    long = {"id": "long", "kind": "delay", "with": {"for": "1h"}, "until": arms}
    after = {"id": "after", "kind": "transform", "with": {"value": "stopped"}}
    version = version_make([long, after], edges("long.withdrawn>after"))
    with worker_running():
        run = run_make(version, {"claim": 7})
        until(lambda: states(run).get("long") == "waiting")
        send("1", type="claim.withdrawn", subject="8")
        answer = send("2", type="claim.withdrawn", subject="7")
        run = end(run)

    assert len(answer.resumed) == 1
    assert (run.state, run.output) == ("succeeded", "stopped")
    assert states(run) == {"long": "cancelled", "after": "succeeded"}
    assert not EventWait.objects.exists()


def test_an_arm_that_was_not_needed_is_withdrawn():
    arms = [{"port": "withdrawn", "event": "claim.withdrawn"}]
    quick = {**step("quick", value=1), "until": arms}

    run = run_to_rest(version_make([quick]))

    assert run.state == "succeeded"
    assert not EventWait.objects.exists()


def test_a_published_event_resumes_another_run_and_is_stored_once():
    publish = {
        "id": "tell",
        "kind": "publish",
        "with": {"type": "payment.received", "subject": "=input.order", "data": {"a": 1}},
    }
    with worker_running():
        waits = run_make(version_make([wait(key="O-1")]))
        waiting(waits)
        tells = run_make(version_make([publish]), {"order": "O-1"})
        tells, waits = end(tells), end(waits)

    key = f"{tells.pk}/tell/0"
    assert tells.output == {"id": key}
    assert Event.objects.get().event_id == key
    assert output(waits)["data"] == {"a": 1}


def test_a_rehearsal_publishes_nothing():
    publish = {"id": "tell", "kind": "publish", "with": {"type": "payment.received"}}

    run = run_to_rest(version_make([publish]), mode="rehearsal")

    assert run.state == "succeeded"
    assert not Event.objects.exists()


def growing(until, items=(1, 2)):
    body = {"steps": [{"id": "x", "kind": "transform", "with": {"value": "=item"}}], "edges": []}
    more = {"event": "offer.*", "until": until}
    return {"id": "m", "kind": "map", "with": {"items": list(items), "body": body, "more": more}}


@pytest.mark.parametrize("items", [(1, 2), ()])
def test_an_open_map_takes_an_item_for_each_event_until_the_last_one(items):
    version = version_make([growing("event.data == 9.0", items)])
    with worker_running():
        run = run_make(version)
        until(lambda: EventWait.objects.exists() and at_rest(run.pk))
        for number in (7, 8, 9, 10):
            send(str(number), type="offer.made", data=number)
        run = end(run)

    assert run.output == {
        "items": [*items, 7, 8, 9],
        "total": len(items) + 3,
        "processed": len(items) + 3,
        "failed": 0,
    }
    assert not EventWait.objects.exists()


def test_an_open_map_closes_when_its_time_is_over():
    with worker_running():
        run = run_make(version_make([growing("700ms")]))
        until(EventWait.objects.exists)
        send("7", type="offer.made", data=7)
        run = end(run)

    assert run.output["items"] == [1, 2, 7]
    assert not EventWait.objects.exists()


def test_an_open_map_with_nothing_to_do_can_be_cancelled():
    with worker_running():
        run = run_make(version_make([growing("1h", ())]))
        until(lambda: EventWait.objects.exists() and at_rest(run.pk))
        run_cancel(run_id=run.pk, actor="user:tester", reason="enough")
        run = end(run)

    assert run.state == "cancelled"
    assert not EventWait.objects.exists()
