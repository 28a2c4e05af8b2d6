"""What people do beside the stream of events: send a delivery again, make a trigger of an event."""

import re
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from workflows_app.errors import IllegalState, Invalid, NotFound
from workflows_app.models import Delivery, Event, User, Workflow
from workflows_app.services.definitions import draft_save
from workflows_app.services.history import app_event_record

JSON = Any
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@transaction.atomic
def delivery_retry(*, delivery_id: UUID, actor: str) -> Delivery:
    """Send a delivery once more, now, with the same `webhook-id`.

    Raises:
        NotFound: there is none.
        IllegalState: it is under way, or its subscription has ended.
    """
    held = Delivery.objects.select_for_update(of=("self",)).select_related(
        "subscription__workspace", "event"
    )
    delivery = held.filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery.")
    if not delivery.subscription.is_active:
        message = f"The subscription {delivery.subscription.name} has ended: set it again first."
        raise IllegalState(message, allowed=[])
    if delivery.state == "pending" and delivery.attempts == 0:
        raise IllegalState("It is on its way already.", allowed=[])
    delivery.state, delivery.next_at, delivery.ended_at = "pending", Now(), None
    delivery.save(update_fields=["state", "next_at", "ended_at"])
    app_event_record(
        workspace=delivery.subscription.workspace,
        type="delivery.retried",
        object=f"subscription:{delivery.subscription.name}",
        actor=actor,
        data={"delivery": str(delivery.pk), "event": delivery.event.event_id},
    )
    delivery.refresh_from_db()
    return delivery


def trigger_proposed(event: Event, workflow: Workflow) -> dict[str, JSON]:
    """Give the trigger that starts a workflow for events like this one.

    Fields of the workflow's input that the event's data has by the same name are mapped; where
    none is, the data itself is the input.
    """
    trigger: dict[str, JSON] = {"event": event.type}
    fields = ((workflow.draft.get("input") or {}).get("properties") or {}).keys()
    data = event.data if isinstance(event.data, dict) else {}
    known = [name for name in fields if name in data and NAME.fullmatch(name)]
    mapped = {name: f"=event.data.{name}" for name in known}
    if mapped and mapped.keys() != data.keys():
        trigger["input"] = mapped
    return trigger


def trigger_add(*, workflow: Workflow, trigger: JSON, revision: int, actor: User) -> Workflow:
    """Add a trigger to a workflow's draft; it is in force once the draft is published.

    Raises:
        Invalid: it is no trigger.
        Conflict: somebody saved the draft since.
    """
    if not isinstance(trigger, dict) or not trigger:
        problem = {"pointer": "/trigger", "code": "bad_trigger", "message": "an object, as {event}"}
        raise Invalid("A trigger is an object.", problems=[problem])
    triggers = [*(workflow.draft.get("triggers") or []), trigger]
    return draft_save(
        workflow=workflow,
        definition={**workflow.draft, "triggers": triggers},
        revision=revision,
        actor=actor,
        label=f"added a trigger for {trigger.get('event', 'events')}",
    )
