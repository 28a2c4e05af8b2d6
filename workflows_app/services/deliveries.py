"""Webhooks out: what is to be told to whom, and trying until it is.

A delivery is leased by its `next_at`, sent with no transaction open, and then settled; one
whose process dies is sent again, with the same `webhook-id`.
"""

import logging
import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from workflows_app.core.events import event_shape, type_fits
from workflows_app.event_hooks import Sent, sender
from workflows_app.models import Delivery, WebhookSubscription
from workflows_app.models.fields import json_dump
from workflows_app.sealing import SealBroken
from workflows_app.services.clock import database_now
from workflows_app.services.hook_secrets import headers_signed, secrets_active
from workflows_app.services.incoming import Stored

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
SENDERS = 4
GONE = 410


def deliveries_plan(stored: Sequence[Stored], active: Sequence[tuple[UUID, str]]) -> None:
    """Plan a delivery of each event to each of the `active` subscriptions that wants it."""
    Delivery.objects.bulk_create(
        [
            Delivery(subscription_id=subscription, event_id=event.row)
            for subscription, pattern in active
            for event in stored
            if type_fits(pattern, event.type)
        ],
        ignore_conflicts=True,
    )


class Deliveries:
    """Sends what is due on a few threads of its own, so that a slow address delays no timer."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(SENDERS, thread_name_prefix="deliver")
        self._free = threading.Semaphore(SENDERS)

    def sweep(self, now: datetime) -> int:
        """Hand due deliveries to free threads; give how many."""
        count = 0
        while sender() is not None and self._free.acquire(blocking=False):
            delivery = delivery_take()
            if delivery is None:
                self._free.release()
                break
            self._threads.submit(self._send, delivery)
            count += 1
        return count

    def _send(self, delivery: Delivery) -> None:
        try:
            delivery_send(delivery)
        except Exception:
            logger.exception("delivery %s could not be settled; it is tried again", delivery.pk)
        finally:
            connection.close()
            self._free.release()


deliveries = Deliveries()


@transaction.atomic
def delivery_take() -> Delivery | None:
    """Lease the delivery that is due for longest."""
    now = database_now()
    found = (
        Delivery.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(state="pending", next_at__lte=now)
        .select_related("subscription", "event")
        .order_by("next_at")
        .first()
    )
    if found is not None:
        found.attempts += 1
        found.next_at = now + LEASE
        found.save(update_fields=["attempts", "next_at"])
    return found


def delivery_send(delivery: Delivery) -> None:
    """Send one leased delivery and write what came of it."""
    send, subscription = sender(), delivery.subscription
    if send is None:
        return
    if not subscription.is_active:
        _settle(delivery, Sent(status=GONE, error="the subscription has ended"))
        return
    now = database_now()
    body = json_dump(delivery_body(delivery))
    try:
        active = secrets_active(bytes(subscription.secret), now=now)
    except SealBroken as error:
        _settle(delivery, Sent(status=None, error=str(error)))
        return
    headers = headers_signed(active, message=f"msg_{delivery.pk}", at=now, body=body)
    connection.close()
    headers["content-type"] = "application/cloudevents+json"
    _settle(delivery, send(subscription.url, headers, body.encode()))


def delivery_body(delivery: Delivery) -> dict[str, object]:
    """Give what is sent: the event as a structured CloudEvent."""
    event = delivery.event
    return event_shape(
        id=event.event_id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time or event.received_at,
        data=event.data,
        extensions=event.extensions,
    )


def _settle(delivery: Delivery, sent: Sent) -> None:
    """Write the answer; `next_at` is the lease, so a delivery that was taken over is left alone."""
    now = database_now()
    is_good = sent.status is not None and 200 <= sent.status < 300
    wait = _wait(delivery.attempts)
    state, next_at = "pending", None
    if is_good:
        state = "delivered"
    elif wait is None or sent.status == GONE:
        state = "failed"
    else:
        next_at = now + wait
    held = Delivery.objects.filter(pk=delivery.pk, state="pending", attempts=delivery.attempts)
    held.update(
        state=state,
        next_at=next_at,
        status=sent.status,
        error="" if is_good else sent.error[:1000],
        ended_at=None if state == "pending" else now,
    )
    if sent.status == GONE:
        WebhookSubscription.objects.filter(pk=delivery.subscription_id).update(is_active=False)


def _wait(attempts: int) -> timedelta | None:
    """Give the wait after so many attempts, or None to give up."""
    if attempts > len(WAITS):
        return None
    return WAITS[attempts - 1] * random.uniform(1.0, 1.1)  # noqa: S311
