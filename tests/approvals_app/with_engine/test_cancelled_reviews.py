"""What was done and is not confirmed yet is undone when the step that did it is cancelled."""

import pytest
from django.utils import timezone

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import GATE, acting, asked, decide, ended, reviewed
from tests.engine_harness import (
    edges,
    events,
    run_make,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.models import StepRun, Timer
from workflows_app.services.control import run_cancel
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.sweep import timers_fire

pytestmark = pytest.mark.django_db(transaction=True)
STOPPED = [{"port": "stopped", "event": "work.stopped"}]
LATE = [{"port": "late", "after": "1h"}]


def group(*steps, **more):
    body = {"steps": list(steps), "edges": []}
    return {"id": "g", "kind": "group", "with": {"body": body}, "review": GATE, **more}


def stop():
    event = Incoming(id="1", source="/x", type="work.stopped", subject=None, data=None)
    event_receive(workspace=workspace_default(), event=event, actor="user:x", via="api")


def strike(name):
    """Let a stored time come."""
    assert Timer.objects.filter(name=name).update(due_at=timezone.now()) == 1
    timers_fire()


@pytest.mark.parametrize("rollback", [False, True])
def test_a_cancelled_run_undoes_what_nobody_has_confirmed(people, ledger, rollback):
    with worker_running():
        run = run_make(version_make([reviewed("a", "after")]), user=people["olga"])
        request = asked(run)
        run_cancel(run_id=run.pk, actor="user:olga", reason="enough", rollback=rollback)
        done = ended(run)

    assert ledger == ["do a", "undo a"]
    assert done.state == "cancelled"
    found = StepRun.objects.get(run=run, path="a")
    assert (found.state, found.port, found.output) == ("compensated", None, {"did": "a"})
    request.refresh_from_db()
    assert request.state == "withdrawn"
    history = events(run)
    assert history.index("step.undone a compensated") < history.index("run.ended cancelled")


def test_a_decision_that_is_not_in_force_is_beaten_by_the_cancel(people, ledger):
    with worker_running():
        run = run_make(version_make([reviewed("a", "after")]), user=people["olga"])
        decide(asked(run), people["anna"], undo_seconds=60)
        run_cancel(run_id=run.pk, actor="user:olga", reason="enough")
        ended(run)

    assert ledger == ["do a", "undo a"]
    assert ApprovalRequest.objects.get(run=run).state == "withdrawn"


def test_what_has_nothing_that_reverses_it_is_cancelled_as_it_stands(people, ledger):
    bare = step("a", "acts", "a", effect="reversible", review={**GATE, "mode": "after"})
    with worker_running():
        run = run_make(version_make([bare]), user=people["olga"])
        asked(run)
        run_cancel(run_id=run.pk, actor="user:olga", reason="enough")
        assert ended(run).state == "cancelled"

    assert (ledger, states(run)) == (["do a"], {"a": "cancelled"})
    assert [one for one in events(run) if one.startswith("step.ended")] == [
        "step.ended a cancelled"
    ]


def test_the_rest_of_a_join_is_undone_where_nobody_has_confirmed_it(people, ledger):
    first = {"id": "w", "kind": "wait", "with": {"event": "work.stopped"}}
    version = version_make(
        [reviewed("a", "after"), first, acting("b"), {**step("c"), "join": "any"}],
        edges("a>c", "w>b", "b>c"),
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        asked(run)
        stop()
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "do b", "undo a"]
    assert states(run) == {
        "a": "compensated",
        "w": "succeeded",
        "b": "succeeded",
        "c": "succeeded",
        "a.undo": "succeeded",
    }


@pytest.mark.parametrize("arm", ["event", "clock"])
def test_an_arm_that_comes_during_the_review_names_the_port_and_undoes(people, ledger, arm):
    arms = STOPPED if arm == "event" else LATE
    port = arms[0]["port"]
    version = version_make([reviewed("a", "after", until=arms), step("b")], edges(f"a.{port}>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        asked(run)
        stop() if arm == "event" else strike("until:late")
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "undo a"]
    assert states(run)["a"] == "compensated"
    assert (StepRun.objects.get(run=run, path="a").port, states(run)["b"]) == (port, "succeeded")


@pytest.mark.parametrize("arm", ["event", "clock"])
def test_the_arms_of_a_body_race_its_review_like_those_of_a_leaf(people, ledger, arm):
    arms = STOPPED if arm == "event" else LATE
    port = arms[0]["port"]
    version = version_make([group(acting("x"), until=arms), step("b")], edges(f"g.{port}>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        stop() if arm == "event" else strike("until:late")
        assert ended(run).state == "succeeded"

    assert ledger == ["do x", "undo x"]
    found = StepRun.objects.get(run=run, path="g")
    assert (found.state, found.port, states(run)["b"]) == ("cancelled", port, "succeeded")
    assert states(run)["g.x"] == "compensated"
    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert not Timer.objects.filter(run=run).exists()


def test_a_map_that_had_enough_still_hears_its_arms_while_it_is_reviewed(people):
    body = {"steps": [step("x", "echo", "=item")], "edges": []}
    settings = {"items": [1, 2, 3], "body": body, "enough": 1}
    each = {"id": "m", "kind": "map", "with": settings, "review": GATE, "until": STOPPED}
    version = version_make([each, step("b")], edges("m.stopped>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        asked(run)
        stop()
        assert ended(run).state == "succeeded"

    assert (states(run)["m"], states(run)["b"]) == ("cancelled", "succeeded")


def test_the_time_limit_of_a_body_is_not_the_time_to_review_it(people, ledger):
    version = version_make([group(acting("x"), timeout="1h")])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert not Timer.objects.filter(run=run, name="timeout").exists()
        decide(request, people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do x"]


def test_what_went_on_provisionally_is_undone_by_a_cancel_that_asks_for_it_only(people, ledger):
    with worker_running():
        kept = run_make(version_make([reviewed("a")]), user=people["olga"])
        asked(kept)
        run_cancel(run_id=kept.pk, actor="user:olga", reason="enough")
        assert ended(kept).state == "cancelled"
        assert ledger == ["do a"]

        undone = run_make(version_make([reviewed("b")]), user=people["olga"])
        asked(undone)
        run_cancel(run_id=undone.pk, actor="user:olga", reason="enough", rollback=True)
        assert ended(undone).state == "compensated"

    assert ledger == ["do a", "do b", "undo b"]
    until(lambda: not ApprovalRequest.objects.filter(state="pending").exists())
