"""What rests on a review, or waits for a name, is woken by its end and says nothing meanwhile."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended, reject, reviewed
from tests.engine_harness import (
    edges,
    run_make,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.models import Run, RunEvent, StepRun, Timer
from workflows_app.selectors.runs import step_run_shape
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.sweep import timers_fire

pytestmark = pytest.mark.django_db(transaction=True)


def final(id="z", **more):
    return step(id, "acts", id, effect="irreversible", **more)


def waits(run, path="z"):
    until(lambda: StepRun.objects.filter(run=run, path=path, state="waiting").exists())
    return StepRun.objects.get(run=run, path=path, is_current=True)


def said(path="z"):
    found = RunEvent.objects.filter(path=path).order_by("sequence")
    return list(found.values_list("type", flat=True))


def strike(step_run):
    """Let the time come at which a waiter looks again, in case its waking was lost."""
    past = timezone.now() - timedelta(seconds=1)
    assert Timer.objects.filter(step_run=step_run, name="wait").update(due_at=past) == 1
    timers_fire()


def test_a_step_behind_a_provisional_one_waits_without_a_word_and_goes_on_at_once(people, ledger):
    version = version_make([reviewed("a"), final()], edges("a>z"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        waiting = waits(run)
        before = said()
        for _ in range(3):
            strike(waiting)
        assert said() == before
        shown = step_run_shape(StepRun.objects.get(pk=waiting.pk))["waiting_for"]
        assert shown == {"reason": "review", "approval": None, "event": None, "until": None}
        assert Timer.objects.get(step_run=waiting).due_at > timezone.now()
        Timer.objects.filter(step_run=waiting).update(due_at=timezone.now() + timedelta(days=1))

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert ledger == ["do a", "do z"]
    assert said() == [*before, "step.ready", "step.started", "step.ended"]


def test_a_waking_that_was_lost_is_made_good(people, ledger):
    version = version_make([reviewed("a"), final()], edges("a>z"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        asked(run)
        waiting = waits(run)
        named = {**waiting.waiting, "on": ["00000000-0000-0000-0000-000000000000"]}
        StepRun.objects.filter(pk=waiting.pk).update(waiting=named)  # of no review any more
        strike(waiting)
        until(lambda: said().count("step.ready") == 2)


def test_a_no_wakes_nobody_behind_it_and_what_follows_is_taken_back(people, ledger):
    version = version_make([reviewed("a"), final(), step("no")], edges("a>z", "a.rejected>no"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        waits(run)
        reject(request, people["anna"])
        assert ended(run).state == "succeeded"

    assert ledger == ["do a", "undo a"]
    assert states(run)["no"] == "succeeded"


def test_a_child_run_behind_a_review_of_its_parent_is_woken_too(people, ledger):
    child = version_make([final("x")])
    call = {"id": "call", "kind": "workflow", "with": {"slug": child.workflow.slug, "input": {}}}
    version = version_make([reviewed("a"), call], edges("a>call"))
    version.pins = {"workflows": {child.workflow.slug: str(child.pk)}}
    version.save(update_fields=["pins"])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: Run.objects.filter(parent=run).exists())
        waiting = waits(Run.objects.get(parent=run), "x")
        before = said("x")
        strike(waiting)
        assert said("x") == before
        Timer.objects.filter(step_run=waiting).update(due_at=timezone.now() + timedelta(days=1))

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert said("x") == [*before, "step.ready", "step.started", "step.ended"]


def test_a_name_that_is_held_while_people_are_asked_is_waited_for_without_a_word(people, ledger):
    first = step("a", "acts", "a", exclusive="ledger", approval=GATE)
    event = {"id": "w", "kind": "wait", "with": {"event": "work.due"}}
    version = version_make([first, event, step("b", "acts", "b", exclusive="ledger")], edges("w>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        due = Incoming(id="1", source="/x", type="work.due", subject=None, data=None)
        event_receive(workspace=workspace_default(), event=due, actor="user:x", via="api")
        other = waits(run, "b")
        before = said("b")
        strike(other)
        assert (other.reason, said("b")) == ("exclusive", before)

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert ledger == ["do a", "do b"]


def test_a_step_that_waits_for_people_says_for_whom_and_until_when(people):
    version = version_make([step("a", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        shown = step_run_shape(waits(run, "a"))["waiting_for"]

    assert shown == {
        "reason": "approval",
        "approval": str(request.pk),
        "event": None,
        "until": request.deadline_at.isoformat(),
    }
    event = RunEvent.objects.get(run=run, type="step.waiting")
    assert (event.data["approval"], event.data["until"]) == (shown["approval"], shown["until"])


@pytest.mark.parametrize("kind", ["approval", "checkpoint"])
def test_a_question_says_in_the_record_which_request_it_is(people, kind):
    asks = {"id": "a", "kind": kind, "with": {**GATE, "deadline": "2h"}}
    with worker_running():
        run = run_make(version_make([asks]), user=people["olga"])
        request = asked(run)

    event = RunEvent.objects.get(run=run, type="step.waiting")
    assert event.data["approval"] == str(ApprovalRequest.objects.get(run=run).pk)
    assert event.data["until"] == request.deadline_at.isoformat()


def test_json_that_the_database_cannot_read_keeps_no_timer_from_firing(people, ledger):
    version = version_make([reviewed("a"), final()], edges("a>z"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        waiting = waits(run)
        StepRun.objects.filter(pk=waiting.pk).update(waiting={**waiting.waiting, "odd": "\x00"})
        strike(waiting)  # it looks at once, where it would have been put off
        until(lambda: Timer.objects.filter(step_run=waiting, due_at__gt=timezone.now()).exists())
        until(lambda: "odd" not in (StepRun.objects.get(pk=waiting.pk).waiting or {"odd": 1}))
        decide(request, people["anna"])
        assert ended(run).state == "succeeded"
    assert ledger == ["do a", "do z"]
