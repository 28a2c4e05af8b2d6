"""What starts runs by itself: the triggers in force, and new secrets for webhooks."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router

from workflows_app.api.auth import needs, principal
from workflows_app.api.definition_schemas import TriggerOut
from workflows_app.api.lookup import workflow_for
from workflows_app.api.paging import page
from workflows_app.api.schemas import Paging, Schema, page_of
from workflows_app.api.workflow_shapes import trigger_shape
from workflows_app.models import WorkflowTrigger
from workflows_app.selectors.outgoing import trigger_list
from workflows_app.services.triggers_register import webhook_rotate

router = Router(tags=["events"])
JSON = Any
TriggerKind = Literal["event", "schedule", "webhook"]


class TriggerInForceOut(Schema):
    """A trigger of the newest version of its workflow; `trigger` is as the definition has it."""

    id: UUID
    kind: TriggerKind
    workflow: str
    version: int
    trigger: dict[str, JSON]
    url: str | None
    next_at: datetime | None
    fired_at: datetime | None


@router.get("triggers", auth=needs("read"), response=page_of(TriggerInForceOut))
def triggers(
    request: HttpRequest,
    paging: Query[Paging],
    workflow: str | None = None,
    kind: TriggerKind | None = None,
) -> dict[str, Any]:
    """The triggers in force, newest first; their secrets only publishing shows."""
    base = _base(request)
    found = trigger_list(actor=principal(request))
    if workflow is not None:
        found = found.filter(workflow__slug=workflow)
    if kind is not None:
        found = found.filter(kind=kind)
    return page(found, paging.cursor, paging.limit, shape=lambda one: _shape(one, base))


def _shape(trigger: WorkflowTrigger, base: str) -> dict[str, Any]:
    known = trigger_shape(trigger, base, None)
    return {
        "id": known["id"],
        "kind": known["kind"],
        "workflow": trigger.workflow.slug,
        "version": trigger.version.number,
        "trigger": trigger.settings,
        "url": known["url"],
        "next_at": trigger.next_at,
        "fired_at": trigger.fired_at,  # type: ignore[attr-defined] # annotated by the list
    }


@router.post(
    "workflows/{slug}/triggers/{uuid:trigger_id}/rotate",
    auth=needs("design"),
    response=TriggerOut,
)
def rotate(request: HttpRequest, slug: str, trigger_id: UUID) -> dict[str, Any]:
    """Give a webhook a new secret; the one before stays good for a day."""
    who = principal(request)
    workflow = workflow_for(who, slug)
    who.require("design", workflow.workspace_id)
    trigger, secret = webhook_rotate(workflow=workflow, trigger_id=trigger_id, actor=who.actor)
    return trigger_shape(trigger, _base(request), secret)


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")
