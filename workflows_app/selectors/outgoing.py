"""Triggers and deliveries, as one who asks may see them."""

from typing import Any
from uuid import UUID

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery

from workflows_app.errors import NotFound
from workflows_app.models import (
    Delivery,
    TriggerFiring,
    WebhookSubscription,
    WorkflowTrigger,
    Workspace,
)
from workflows_app.selectors.people import Actor, workspace_ids_of

DELIVERY_STATES = ("pending", "delivered", "failed")


def subscription_list(*, actor: Actor, workspace: Workspace) -> QuerySet[WebhookSubscription]:
    """Give the addresses that are told of events, by name, each with its last delivery."""
    found = WebhookSubscription.objects.filter(
        workspace=workspace, workspace_id__in=workspace_ids_of(actor)
    )
    last = Delivery.objects.filter(subscription=OuterRef("pk")).order_by("-created_at", "-pk")
    return (
        found.defer("secret")
        .annotate(
            last_at=Subquery(last.values("created_at")[:1]),
            last_state=Subquery(last.values("state")[:1]),
        )
        .order_by("name")
    )


def trigger_list(*, actor: Actor) -> QuerySet[WorkflowTrigger]:
    """Give the triggers in force, by workflow, each with when it last fired."""
    found = WorkflowTrigger.objects.filter(
        workflow__workspace_id__in=workspace_ids_of(actor),
        workflow__archived_at=None,
        is_active=True,
    )
    found = found.select_related("workflow", "version").defer(
        "workflow__draft", "version__definition", "version__expanded"
    )
    return found.annotate(fired_at=Max("firings__created_at")).order_by(
        "workflow__name", "position"
    )


def trigger_get(*, actor: Actor, pk: UUID) -> WorkflowTrigger:
    """Give one trigger, also one that rests.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = WorkflowTrigger.objects.filter(
        pk=pk, workflow__workspace_id__in=workspace_ids_of(actor)
    )
    trigger = found.select_related("workflow", "version").first()
    if trigger is None:
        raise NotFound("There is no such trigger.")
    return trigger


def firing_list(*, trigger: WorkflowTrigger) -> QuerySet[TriggerFiring]:
    """Give when a trigger fired, newest first, with the run or why there is none."""
    return trigger.firings.select_related("event").prefetch_related("run").order_by("-pk")


def delivery_list(*, actor: Actor, state: str = "", subscription: str = "") -> QuerySet[Delivery]:
    """Give deliveries, newest first, with their event and subscription."""
    found = Delivery.objects.filter(subscription__workspace_id__in=workspace_ids_of(actor))
    wanted = Q()
    if state:
        wanted &= Q(state=state)
    if subscription:
        wanted &= Q(subscription__name=subscription)
    return found.filter(wanted).select_related("subscription", "event").order_by("-pk")


def delivery_get(*, actor: Actor, pk: UUID) -> Delivery:
    """Give one delivery.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = delivery_list(actor=actor).filter(pk=pk).first()
    if found is None:
        raise NotFound("There is no such delivery.")
    return found


def delivery_shape(delivery: Delivery) -> dict[str, Any]:
    """Give a delivery as the API shows it."""
    return {
        "id": delivery.pk,
        "subscription": delivery.subscription.name,
        "url": delivery.subscription.url,
        "event": {"id": delivery.event.event_id, "type": delivery.event.type},
        "state": delivery.state,
        "attempts": delivery.attempts,
        "status": delivery.status,
        "error": delivery.error,
        "next_at": delivery.next_at,
        "created_at": delivery.created_at,
        "ended_at": delivery.ended_at,
    }
