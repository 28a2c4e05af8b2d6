"""Webhooks out: signed, repeated until taken, given up in the end."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from workflows_app import event_hooks
from workflows_app.event_hooks import Sent
from workflows_app.models import Delivery, WebhookSubscription
from workflows_app.services.deliveries import WAITS, delivery_send, delivery_take
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.subscriptions import subscription_put

pytestmark = pytest.mark.django_db(transaction=True)


class Outside:
    """An address outside that notes what it gets and answers as it is told."""

    def __init__(self):
        self.got = []
        self.answers = []

    def __call__(self, url, headers, body):
        self.got.append((url, dict(headers), body))
        return self.answers.pop(0) if self.answers else Sent(status=200)


@pytest.fixture
def outside():
    before = event_hooks.sender()
    outside = Outside()
    event_hooks.register_sender(outside)
    yield outside
    event_hooks.register_sender(before)


@pytest.fixture
def secret():
    made = subscription_put(
        workspace=workspace_default(),
        name="warehouse",
        event="order.*",
        url="https://example.org/in",
        actor="operator",
    )
    return made[1]


def send(id="1", type="order.created"):
    event = Incoming(id=id, source="/shop", type=type, subject="O-1", data={"n": 1})
    event_receive(workspace=workspace_default(), event=event, actor="operator", via="api")


def deliver():
    taken = delivery_take()
    if taken is not None:
        delivery_send(taken)
    return taken


def now_due():
    Delivery.objects.filter(state="pending").update(next_at=timezone.now() - timedelta(seconds=1))


def test_a_subscriber_gets_the_signed_event(outside, secret):
    send()
    send("2", type="payment.made")

    deliver()

    assert deliver() is None
    url, headers, body = outside.got[0]
    assert url == "https://example.org/in"
    event = Webhook(secret).verify(body, headers)
    assert (event["type"], event["subject"], event["data"]) == ("order.created", "O-1", {"n": 1})
    assert Delivery.objects.get().state == "delivered"


def test_a_failed_delivery_is_repeated_with_the_same_id(outside, secret):
    outside.answers = [Sent(status=503, error="it answered 503"), Sent(status=204)]
    send()

    deliver()
    waits = Delivery.objects.get()
    assert (waits.state, waits.status, waits.attempts) == ("pending", 503, 1)
    assert deliver() is None
    now_due()
    deliver()

    assert Delivery.objects.get().state == "delivered"
    assert outside.got[0][1]["webhook-id"] == outside.got[1][1]["webhook-id"]


def test_after_its_last_attempt_a_delivery_has_failed(outside, secret):
    outside.answers = [Sent(status=None, error="connection")] * (len(WAITS) + 1)
    send()

    for _ in range(len(WAITS) + 1):
        deliver()
        now_due()

    found = Delivery.objects.get()
    assert (found.state, found.attempts, found.error) == ("failed", len(WAITS) + 1, "connection")
    assert deliver() is None


def test_an_address_that_is_gone_ends_the_subscription(outside, secret):
    outside.answers = [Sent(status=410)]
    send()

    deliver()
    send("2")

    assert not WebhookSubscription.objects.get().is_active
    assert [one.state for one in Delivery.objects.all()] == ["failed"]


def test_a_delivery_is_leased_to_one_sender(outside, secret):
    send()

    assert delivery_take() is not None
    assert delivery_take() is None


def test_the_secret_is_not_kept_as_text(secret):
    sealed = bytes(WebhookSubscription.objects.get().secret)

    assert secret.removeprefix("whsec_").encode() not in sealed
    assert json.dumps(secret).encode() not in sealed
