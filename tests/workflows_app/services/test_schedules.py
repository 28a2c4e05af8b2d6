"""Schedules fire once, whoever looks, and catch up at most once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from tests.engine_harness import version_make
from workflows_app.models import Run, TriggerFiring, WorkflowTrigger
from workflows_app.services.people import person_create
from workflows_app.services.schedules import schedules_fire
from workflows_app.services.triggers_register import triggers_register

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 1, 5, tzinfo=UTC)  # the sweep asks the database's clock instead


@pytest.fixture
def trigger():
    settings = {"schedule": "* * * * *", "zone": "Europe/Tallinn", "input": {"at": "=event.time"}}
    version = version_make(
        [{"id": "a", "kind": "transform", "with": {"value": "=input.at"}}], triggers=[settings]
    )
    person = person_create(username="dora", workspace=version.workflow.workspace, roles=["admin"])
    triggers_register(version, person)
    return WorkflowTrigger.objects.get()


def due(trigger, ago):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    WorkflowTrigger.objects.filter(pk=trigger.pk).update(next_at=now - ago)


def test_nothing_fires_before_its_time(trigger):
    assert trigger.next_at > datetime.now(UTC) - timedelta(seconds=1)
    WorkflowTrigger.objects.update(next_at=datetime.now(UTC) + timedelta(minutes=1))

    assert schedules_fire(NOW) == 0


def test_a_time_that_has_come_starts_one_run(trigger):
    due(trigger, timedelta(0))

    assert [schedules_fire(NOW), schedules_fire(NOW)] == [1, 0]
    run, firing = Run.objects.get(), TriggerFiring.objects.get()
    assert firing.run_id == run.pk
    assert datetime.fromisoformat(run.input["at"]) == firing.fire_at
    trigger.refresh_from_db()
    assert trigger.next_at == firing.fire_at + timedelta(minutes=1)


def test_missed_times_are_caught_up_by_one_run(trigger):
    due(trigger, timedelta(days=40))

    assert [schedules_fire(NOW), schedules_fire(NOW)] == [1, 0]
    assert Run.objects.count() == 1
    assert TriggerFiring.objects.get().fire_at > datetime.now(UTC) - timedelta(minutes=2)


def test_many_schedulers_fire_it_once(trigger):
    due(trigger, timedelta(0))
    barrier = threading.Barrier(6)

    def sweep():
        barrier.wait()
        schedules_fire(NOW)
        connection.close()

    threads = [threading.Thread(target=sweep) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Run.objects.count() == 1


def test_a_fired_time_does_not_fire_again_even_if_its_row_is_set_back(trigger):
    due(trigger, timedelta(0))
    schedules_fire(NOW)
    fired = TriggerFiring.objects.get().fire_at
    WorkflowTrigger.objects.update(next_at=fired)
    schedules_fire(NOW)

    assert TriggerFiring.objects.filter(fire_at=fired).count() == 1
