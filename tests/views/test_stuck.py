"""A step that takes far longer than usual is told on the first page, with what may be the cause."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.views import factories
from workflows_app.models import Run, StepRun
from workflows_app.selectors.stuck import stuck_steps


@pytest.fixture
def ended(version):
    """Six runs whose draft took 10 seconds."""
    for _ in range(6):
        run = factories.run_make(version, "succeeded")
        factories.step_make(run, "draft", "succeeded", lasted=10.0)


def waiting(version, minutes, state="waiting", **fields):
    run = factories.run_make(version, "waiting" if state == "waiting" else "running")
    step = factories.step_make(run, "draft", state, **fields)
    since = timezone.now() - timedelta(minutes=minutes)
    StepRun.objects.filter(pk=step.pk).update(started_at=since)
    return run


def found(actor):
    return [(one.run, one.path) for one in stuck_steps(actor=actor, now=timezone.now())]


def test_a_step_is_stuck_after_three_times_its_usual_p95(owner, version, ended):
    late = waiting(version, 5, reason="event")
    running = waiting(version, 4, state="running")
    waiting(version, 0.4, reason="event")

    assert found(owner) == [(late.number, "draft"), (running.number, "draft")]
    first = stuck_steps(actor=owner, now=timezone.now())[0]
    assert first.usual == timedelta(seconds=10)
    assert "has not come" in first.cause


def test_what_waits_for_a_time_or_is_an_incident_is_not_stuck(owner, version, ended):
    waiting(version, 50, reason="timer")
    waiting(version, 50, reason="incident")

    assert found(owner) == []


def test_nothing_is_usual_before_there_are_enough_ends(owner, version):
    for _ in range(4):
        factories.step_make(factories.run_make(version, "succeeded"), "draft", "succeeded")
    waiting(version, 50, reason="event")

    assert found(owner) == []


def test_rehearsals_and_other_workspaces_are_left_out(owner, stranger, version, ended):
    run = waiting(version, 50, reason="event")
    assert found(stranger) == []
    Run.objects.filter(pk=run.pk).update(mode="rehearsal")
    assert found(owner) == []


def test_the_first_page_leads_to_the_step(client, owner, version, ended):
    run = waiting(version, 5, reason="approval")
    client.force_login(owner)

    body = client.get("/").content.decode()

    assert f"/runs/RUN-{run.number}/?step=draft" in body
    assert "Stuck: Draft" in body
    assert "1 stuck" in body
