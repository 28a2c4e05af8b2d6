"""Triggers, deliveries, and a trigger made of an event."""

import json
from html import unescape

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from workflows_app.models import AppEvent, Delivery, Event, TriggerFiring, WorkflowTrigger
from workflows_app.services.subscriptions import subscription_put


@pytest.fixture
def event(workspace):
    return Event.objects.create(
        workspace=workspace,
        source="/shop",
        event_id="1",
        type="order.created",
        data={"amount": 12, "message": "late", "other": 1},
        via="api",
        actor="user:mira",
        received_at=timezone.now(),
    )


@pytest.fixture
def delivery(workspace, event):
    subscription, _ = subscription_put(
        workspace=workspace, name="crm", event="*", url="https://e.org/in", actor="operator"
    )
    return Delivery.objects.create(
        subscription=subscription,
        event=event,
        state="failed",
        attempts=11,
        next_at=None,
        status=500,
        error="server error",
        ended_at=Now(),
    )


@pytest.fixture
def trigger(version):
    return WorkflowTrigger.objects.create(
        workflow=version.workflow,
        version=version,
        position=0,
        kind="webhook",
        settings={"webhook": "shop"},
    )


def test_an_unmatched_event_leads_to_a_trigger_in_a_draft(client, owner, event, version):
    client.force_login(owner)
    stream = client.get("/events/").content.decode()
    form = client.get(f"/events/{event.pk}/trigger/?workflow=refund").content.decode()

    assert f"/events/{event.pk}/trigger/" in stream
    assert "=event.data.amount" in form
    proposed = {"event": "order.created", "input": {"amount": "=event.data.amount"}}
    workflow = version.workflow
    answer = client.post(
        f"/events/{event.pk}/trigger/",
        {"workflow": "refund", "revision": workflow.revision, "trigger": json.dumps(proposed)},
    )
    workflow.refresh_from_db()
    assert answer["Location"] == "/workflows/refund/edit/"
    assert workflow.draft["triggers"] == [proposed]
    assert AppEvent.objects.filter(type="workflow.draft_saved", actor="user:mira").exists()


def test_what_is_no_trigger_is_refused_and_kept_in_the_form(client, owner, event, version):
    client.force_login(owner)

    for text, status in (("{", 422), ("[]", 422)):
        answer = client.post(
            f"/events/{event.pk}/trigger/",
            {"workflow": "refund", "revision": 1, "trigger": text},
        )
        assert answer.status_code == status
        assert text in answer.content.decode()
    stale = {"workflow": "refund", "revision": 99, "trigger": '{"event": "x"}'}
    assert client.post(f"/events/{event.pk}/trigger/", stale).status_code == 409
    version.workflow.refresh_from_db()
    assert "triggers" not in version.workflow.draft


def test_triggers_are_listed_with_their_address_and_firings(client, owner, trigger, event, run):
    TriggerFiring.objects.create(trigger=trigger, event=event, run=run)
    client.force_login(owner)

    listed = client.get("/events/triggers/").content.decode()
    shown = client.get(f"/events/triggers/{trigger.pk}/").content.decode()

    assert "shop" in listed
    assert f"/hooks/{trigger.pk}" in shown
    assert f"RUN-{run.number}" in shown


def test_the_sample_call_carries_what_the_workflow_reads(client, owner, trigger):
    version = trigger.version
    version.definition = {**version.definition, "input": {"examples": [{"quarter": "it's Q1"}]}}
    type(version).objects.filter(pk=version.pk).update(definition=version.definition)
    trigger.settings = {"webhook": "shop", "input": {"quarter": "=event.data.when"}}
    trigger.save()
    client.force_login(owner)

    shown = unescape(client.get(f"/events/triggers/{trigger.pk}/").content.decode())

    assert """BODY='{"when": "it'\\''s Q1"}'""" in shown


def test_a_new_secret_is_shown_once(client, owner, viewer, trigger):
    client.force_login(viewer)
    refused = client.post(f"/events/triggers/{trigger.pk}/rotate/").status_code
    client.force_login(owner)

    from workflows_app.services.hook_secrets import secret_new, secret_seal

    WorkflowTrigger.objects.update(secret=secret_seal(secret_new()))
    rotated = client.post(f"/events/triggers/{trigger.pk}/rotate/").content.decode()
    later = client.get(f"/events/triggers/{trigger.pk}/").content.decode()

    assert refused == 403
    assert "whsec_" in rotated
    assert "new secret, shown only now" in rotated
    assert "shown only now" not in later


def test_a_failed_delivery_is_sent_again(client, owner, delivery):
    client.force_login(owner)
    page = client.get("/events/deliveries/?state=failed").content.decode()

    client.post(f"/events/deliveries/{delivery.pk}/retry/")

    delivery.refresh_from_db()
    assert "order.created" in page
    assert "specversion" in page
    assert (delivery.state, delivery.attempts) == ("pending", 11)
    assert delivery.next_at is not None
    assert AppEvent.objects.filter(type="delivery.retried", actor="user:mira").count() == 1


def test_what_goes_to_an_ended_subscription_is_not_sent_again(client, owner, delivery):
    delivery.subscription.is_active = False
    delivery.subscription.save()
    client.force_login(owner)

    client.post(f"/events/deliveries/{delivery.pk}/retry/")

    delivery.refresh_from_db()
    assert delivery.state == "failed"


def test_strangers_see_none_of_it(client, stranger, trigger, delivery, event):
    client.force_login(stranger)

    for url in ("/events/triggers/", "/events/deliveries/"):
        body = client.get(url).content.decode()
        assert "order.created" not in body
        assert "shop" not in body
    assert client.get(f"/events/triggers/{trigger.pk}/").status_code == 404
    assert client.get(f"/events/{event.pk}/trigger/").status_code == 404
    assert client.post(f"/events/deliveries/{delivery.pk}/retry/").status_code == 404
