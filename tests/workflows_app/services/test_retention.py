"""What is old goes: events and deliveries, never runs or their history."""

from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.models.functions import Now
from django.utils import timezone

from project.environment import env_days
from tests.engine_harness import run_make, run_to_rest, step, version_make
from workflows_app.models import Delivery, Event, EventUse, Run, RunEvent, TriggerFiring
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.retention import Retention, deliveries_drop, events_drop
from workflows_app.services.subscriptions import subscription_put

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def settings_days(settings):
    settings.EVENTS_KEPT_DAYS, settings.DELIVERIES_KEPT_DAYS = 90, 30


def send(number):
    event = Incoming(id=str(number), source="/s", type="order.made", subject=None, data={"n": 1})
    event_receive(workspace=workspace_default(), event=event, actor="user:x", via="api")
    return Event.objects.get(event_id=str(number))


def age(event, days):
    Event.objects.filter(pk=event.pk).update(received_at=Now() - timedelta(days=days))


def test_old_events_go_with_what_hangs_on_them_and_runs_stay(settings_days):
    run = run_to_rest(version_make([step("a")]))
    subscription_put(
        workspace=workspace_default(), name="x", event="*", url="https://e.org", actor="operator"
    )
    old, young = send(1), send(2)
    for event in (old, young):
        EventUse.objects.create(event=event, run=run)
    age(old, 91)
    age(young, 89)

    assert events_drop() == 1

    assert list(Event.objects.all()) == [young]
    assert list(EventUse.objects.values_list("event_id", flat=True)) == [young.pk]
    assert list(Delivery.objects.values_list("event_id", flat=True)) == [young.pk]
    assert not TriggerFiring.objects.exists()
    assert Run.objects.filter(pk=run.pk).exists()
    assert RunEvent.objects.filter(run=run).count() > 3


def test_many_go_in_batches(settings_days, monkeypatch):
    monkeypatch.setattr("workflows_app.services.retention.BATCH", 3)
    for number in range(8):
        age(send(number), 100)
    last = send(9)

    assert events_drop() == 8
    assert list(Event.objects.all()) == [last]


def test_ended_deliveries_go_and_pending_ones_stay(settings_days):
    subscription_put(
        workspace=workspace_default(), name="x", event="*", url="https://e.org", actor="operator"
    )
    for number in range(3):
        send(number)
    first, second, third = Delivery.objects.order_by("pk")
    long_ago, lately = Now() - timedelta(days=31), Now() - timedelta(days=29)
    Delivery.objects.filter(pk=first.pk).update(state="failed", next_at=None, ended_at=long_ago)
    Delivery.objects.filter(pk=second.pk).update(state="delivered", next_at=None, ended_at=lately)

    assert deliveries_drop() == 1
    assert set(Delivery.objects.all()) == {second, third}


def test_zero_days_keep_everything(settings):
    settings.EVENTS_KEPT_DAYS = settings.DELIVERIES_KEPT_DAYS = 0
    age(send(1), 4000)

    assert Retention().sweep(timezone.now()) == 0
    assert Event.objects.exists()


def test_it_looks_once_a_minute(settings_days):
    retention = Retention()
    age(send(1), 100)
    first = retention.sweep(timezone.now())
    age(send(2), 100)

    assert (first, retention.sweep(timezone.now())) == (1, 0)


def test_events_are_kept_for_as_long_as_repeats_are_known(monkeypatch):
    monkeypatch.setenv("EVENTS_KEPT_DAYS", "29")

    with pytest.raises(ImproperlyConfigured, match="30 and more"):
        env_days("EVENTS_KEPT_DAYS", 90)


def test_a_run_goes_on_though_the_event_that_it_took_is_gone(settings_days):
    run = run_make(version_make([step("a")]))
    event = send(1)
    EventUse.objects.create(event=event, run=run)
    age(event, 100)

    events_drop()

    assert Run.objects.get(pk=run.pk).state == "queued"
