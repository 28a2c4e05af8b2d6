"""The metrics: exact names and labels, exact counts, the same from any process."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from approvals_app.models import ApprovalRequest
from tests.evidence.rows import NOW, event_make, run_make, version_make
from workflows_app.evidence.metrics import metrics_text
from workflows_app.evidence.selectors.stuck import runs_without_wakeup, runs_without_wakeup_count
from workflows_app.evidence.services.seal import seal_now
from workflows_app.models import EventWait, InboxFact, Run, Scope, StepRun, Timer

NAMES = {
    "countersign_workflows_started_total",
    "countersign_workflows_completed_total",
    "countersign_workflows_failed_total",
    "countersign_step_errors_total",
    "countersign_escalations_total",
    "countersign_step_retries_total",
    "countersign_workflow_duration_seconds",
    "countersign_step_duration_seconds",
    "countersign_workflows",
    "countersign_approvals_pending",
    "countersign_runs_without_wakeup",
}


def samples():
    text = metrics_text().decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(name, **labels):
    return samples().get((f"countersign_{name}", *sorted(labels.items())))


def step_make(run, path="draft", state="succeeded", **fields):
    scope = Scope.objects.create(run=run, kind="root")
    given = {"kind": "tool", "step": path.split(".")[-1], "started_at": NOW}
    return StepRun.objects.create(run=run, scope=scope, path=path, state=state, **(given | fields))


def ended(run, sequence, to, seconds=5.0, **fields):
    at = (run.started_at or NOW) + timedelta(seconds=seconds)
    return event_make(run, sequence, "run.ended", to_state=to, at=at, **fields)


def test_every_name_is_there_before_anything_ran(db):
    text = metrics_text().decode()

    types = {line.split()[2]: line.split()[3] for line in text.splitlines() if "# TYPE" in line}
    assert set(types) == NAMES
    assert types["countersign_workflow_duration_seconds"] == "histogram"
    assert types["countersign_workflows"] == "gauge"
    assert "countersign_runs_without_wakeup 0.0" in text


def test_runs_are_counted_from_start_to_end(version):
    for state in ("succeeded", "failed", "timed_out", "cancelled"):
        run = run_make(version, state=state, started_at=NOW, finished_at=NOW)
        event_make(run, 1, "run.queued")
        ended(run, 2, state)

    found = samples()
    assert found["countersign_workflows_started_total", ("workflow", "refunds")] == 4
    assert found["countersign_workflows_completed_total", ("workflow", "refunds")] == 1
    assert found["countersign_workflows_failed_total", ("workflow", "refunds")] == 2
    duration = "countersign_workflow_duration_seconds"
    assert found[f"{duration}_count", ("workflow", "refunds")] == 4
    assert found[f"{duration}_sum", ("workflow", "refunds")] == 20
    assert found[f"{duration}_bucket", ("le", "1.0"), ("workflow", "refunds")] == 0
    assert found[f"{duration}_bucket", ("le", "5.0"), ("workflow", "refunds")] == 4
    assert found[f"{duration}_bucket", ("le", "+Inf"), ("workflow", "refunds")] == 4
    for state in ("succeeded", "failed", "timed_out", "cancelled"):
        labels = (("state", state), ("workflow", "refunds"))
        assert found["countersign_workflows", *labels] == 1


def test_a_workflow_that_never_ran_counts_zero(version):
    assert value("workflows_started_total", workflow="refunds") == 0
    assert value("workflows_failed_total", workflow="refunds") == 0
    assert value("approvals_pending", workflow="refunds") == 0


def test_a_compensated_run_failed_when_it_has_an_error(version):
    error = {"code": "timeout", "message": "", "path": "a"}
    for given in (error, None):
        run = run_make(version, state="compensated", finished_at=NOW, error=given)
        ended(run, 1, "compensated")

    assert value("workflows_failed_total", workflow="refunds") == 1


def test_a_run_that_was_reopened_is_in_one_state(version):
    run = run_make(version, state="failed", finished_at=NOW)
    ended(run, 1, "failed")
    assert value("workflows", workflow="refunds", state="failed") == 1

    Run.objects.update(state="running", finished_at=None)
    event_make(run, 2, "run.reopened", from_state="failed", to_state="running")

    assert value("workflows", workflow="refunds", state="failed") == 0
    assert value("workflows", workflow="refunds", state="running") == 1


def test_steps_are_counted_by_kind(run):
    step_make(run, "a", "failed")
    step_make(run, "b", "timed_out", kind="model")
    event_make(run, 1, "step.started", path="a", generation=0, data={"attempt": 1})
    event_make(run, 2, "step.started", path="a", generation=0, data={"attempt": 2})
    event_make(run, 3, "step.ended", path="a", generation=0, to_state="failed")
    event_make(run, 4, "step.ended", path="b", generation=0, to_state="timed_out")
    event_make(run, 5, "approval.escalated", path="a", generation=0)

    found = samples()
    tool = (("kind", "tool"), ("workflow", "refunds"))
    model = (("kind", "model"), ("workflow", "refunds"))
    assert found["countersign_step_errors_total", *tool] == 1
    assert found["countersign_step_errors_total", *model] == 1
    assert found["countersign_step_retries_total", *tool] == 1
    assert found["countersign_step_duration_seconds_count", *tool] == 1
    assert found["countersign_step_duration_seconds_sum", *model] == 4
    assert found["countersign_escalations_total", ("workflow", "refunds")] == 1


def test_a_case_that_a_tier_hands_on_is_an_escalation(run):
    for n, port in enumerate(("escalate", "done"), start=1):
        step_make(run, f"case.judge{n}", kind="hand_on")
        event_make(run, n, "step.ended", path=f"case.judge{n}", generation=0, data={"port": port})

    assert value("escalations_total", workflow="refunds") == 1


def test_rehearsals_do_not_count(version):
    run = run_make(version, mode="rehearsal", state="succeeded", finished_at=NOW)
    ended(run, 1, "succeeded")

    assert value("workflows_started_total", workflow="refunds") == 0
    assert value("workflows", workflow="refunds", state="succeeded") is None


def test_counts_are_kept_once_however_often_they_are_read(version):
    run = run_make(version, state="succeeded", finished_at=NOW)
    ended(run, 1, "succeeded")

    assert metrics_text() == metrics_text()
    assert value("workflows_completed_total", workflow="refunds") == 1


def test_anyone_may_scrape(version):
    response = Client().get("/metrics")

    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    assert b"countersign_workflows_started_total" in response.content


def approval_make(step, **fields):
    given = {
        "workspace": step.run.workspace,
        "run": step.run,
        "scope": step.scope,
        "step_run": step,
        "workflow": step.run.workflow,
        "version": step.run.version,
        "path": step.path,
        "reason": "approval",
        "mode": "live",
        "settings": {},
        "digest": "0" * 64,
        "summary": "May it?",
        "requested_by": "engine",
        "deadline_at": NOW,
        "next_due_at": NOW,
    }
    return ApprovalRequest.objects.create(**(given | fields))


def test_pending_approvals_are_counted_by_workflow(run):
    approval_make(step_make(run, "a", "waiting", reason="approval"))
    approval_make(step_make(run, "b", "waiting", reason="approval"), mode="rehearsal")
    approval_make(
        step_make(run, "c"),
        state="approved",
        decided_at=NOW,
        effective_at=NOW,
        closed_at=NOW,
        next_due_at=None,
    )

    assert value("approvals_pending", workflow="refunds") == 1


def stuck(run):
    return run.number in [number for _, number in runs_without_wakeup()]


def test_an_unfinished_run_that_nothing_wakes_is_counted(run):
    step_make(run, "a")

    assert stuck(run)
    assert runs_without_wakeup_count() == 1
    assert value("runs_without_wakeup") == 1


def wait_make(step_run, **fields):
    return EventWait.objects.create(
        workspace=step_run.run.workspace,
        run=step_run.run,
        scope=step_run.scope,
        step_run=step_run,
        generation=0,
        path=step_run.path,
        type="payment.received",
        channel="payment.received\n",
        **fields,
    )


WAKES = {
    "a finished run": lambda run: Run.objects.update(state="succeeded", finished_at=NOW),
    "a ready step": lambda run: step_make(run, "b", "ready"),
    "a lease": lambda run: step_make(run, "b", "running", lease_expires_at=NOW),
    "a timer": lambda run: Timer.objects.create(
        run=run, scope=Scope.objects.get(), name="retry", due_at=NOW, fact={}
    ),
    "a fact in an inbox": lambda run: InboxFact.objects.create(
        run=run, scope=Scope.objects.get(), fact={}
    ),
    "an open request": lambda run: approval_make(step_make(run, "b", "waiting", reason="approval")),
    "a decision that is not in effect yet": lambda run: approval_make(
        step_make(run, "b", "waiting", reason="approval"),
        state="approved",
        decided_at=NOW,
        effective_at=timezone.now() + timedelta(seconds=8),
        closed_at=NOW,
        next_due_at=None,
    ),
    "an awaited event": lambda run: wait_make(step_make(run, "b", "waiting", reason="event")),
    "an awaited trigger": lambda run: step_make(run, "b", "waiting", reason="trigger"),
    "an incident": lambda run: step_make(run, "b", "waiting", reason="incident"),
}


@pytest.mark.parametrize("what", WAKES)
def test_a_run_that_something_wakes_is_not_counted(run, what):
    step_make(run, "a")
    assert stuck(run)

    WAKES[what](run)

    assert not stuck(run)


def test_a_run_waits_for_its_open_child_only(version, run):
    step_make(run, "a", "waiting", reason="child")
    child = run_make(version, parent=run)
    step_make(child, "b", "ready")
    assert not stuck(run)

    Run.objects.filter(pk=child.pk).update(state="succeeded", finished_at=NOW)

    assert stuck(run)


def test_what_nobody_will_wake_is_no_waking(run):
    """A step held back without a slot, waits whose request or timer is gone, an old generation."""
    step_make(run, "a", "ready", is_held=True)
    step_make(run, "b", "waiting", reason="approval")
    step_make(run, "c", "waiting", reason="retry")
    step_make(run, "d", "waiting", reason="event")
    wait_make(step_make(run, "e", "waiting", reason="event"), is_open=False)

    assert stuck(run)


def test_a_scrape_reads_no_history(version, django_assert_max_num_queries):
    """However many runs there were: tallies, and the rows of what is unfinished."""
    for _ in range(3):
        ended(run_make(version, state="succeeded", finished_at=NOW), 1, "succeeded")
    seal_now()

    with django_assert_max_num_queries(20), connection.cursor():
        metrics_text()
    other = version_make(version.workflow.workspace, "other")
    ended(run_make(other, state="succeeded", finished_at=NOW), 1, "succeeded")
    assert value("workflows_completed_total", workflow="other") == 1
