"""Events in: CloudEvents by the API, signed calls by their own address."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from ninja import Path, Query, Router, Status
from pydantic import Field

from workflows_app.api.auth import BODY_LIMIT, TooLarge, body_limit_check, needs, principal
from workflows_app.api.event_batches import batch_answer
from workflows_app.api.event_forms import (
    BATCH_LIMIT,
    BATCHED,
    STRUCTURED,
    batch_read,
    content_kind,
    event_read,
)
from workflows_app.api.paging import page
from workflows_app.api.people import admin_workspace
from workflows_app.api.schemas import Paging, Schema, page_of
from workflows_app.core.strict_json import JsonRefused
from workflows_app.errors import DomainError
from workflows_app.selectors.outgoing import delivery_get, delivery_list, delivery_shape
from workflows_app.selectors.people import workspace_get
from workflows_app.services.event_tools import delivery_retry
from workflows_app.services.events import event_receive, events_receive
from workflows_app.services.hooks import hook_receive
from workflows_app.services.incoming import Incoming, Sent
from workflows_app.services.subscriptions import subscription_put

router = Router(tags=["events"])
DeliveryState = Literal["pending", "delivered", "failed"]
_ATTRIBUTE = {"schema": {"type": "string"}, "in": "header", "required": False}
JSON = Any
_EVENT = {
    "type": "object",
    "required": ["specversion", "id", "source", "type"],
    "properties": {name: {"type": "string"} for name in ("specversion", "id", "source", "type")},
}
_BATCH = {"type": "array", "items": _EVENT, "minItems": 1, "maxItems": BATCH_LIMIT}


class ResumedOut(Schema):
    run: UUID
    path: str


class ReceivedOut(Schema):
    """What the event did, before the answer was given."""

    started: list[UUID]
    resumed: list[ResumedOut]
    duplicate: bool


class EventOutcomeOut(Schema):
    """What one event of a batch did, or what is wrong with it."""

    id: str | None = Field(description="the event's own")
    status: int
    started: list[UUID]
    resumed: list[ResumedOut]
    duplicate: bool
    problem: dict[str, JSON] | None


class EventBatchOut(Schema):
    """The outcomes, in the order of the events."""

    items: list[EventOutcomeOut]


class SubscriptionIn(Schema):
    event: str = Field(min_length=1, max_length=200, description="a type; `*` is anything")
    url: str = Field(min_length=1, max_length=2_000)


class SubscriptionOut(Schema):
    """A subscription; `secret` is only in the answer that made it."""

    name: str
    event: str
    url: str
    secret: str | None


class DeliveredOut(Schema):
    id: str
    type: str


class DeliveryOut(Schema):
    """One event on its way to one subscription."""

    id: UUID
    subscription: str
    url: str
    event: DeliveredOut
    state: DeliveryState
    attempts: int
    status: int | None = Field(description="of the last answer")
    error: str
    next_at: datetime | None
    created_at: datetime
    ended_at: datetime | None


@router.post(
    "events",
    auth=needs("run"),
    response={202: ReceivedOut | EventBatchOut},
    openapi_extra={
        "parameters": [
            {"name": name, **_ATTRIBUTE}
            for name in ("ce-id", "ce-source", "ce-type", "ce-specversion", "ce-subject")
        ],
        "requestBody": {
            "content": {
                STRUCTURED: {"schema": _EVENT},
                BATCHED: {"schema": _BATCH},
                "application/json": {"schema": {}},
            }
        },
    },
)
def event(request: HttpRequest, workspace: str | None = None) -> Status[Any]:
    """Take CloudEvents 1.0 in: one, binary or structured, or a batch; each repeat does nothing.

    A batch is answered by `items`, one for each event in its order, with a status of its own.
    """
    who = principal(request)
    space = workspace_get(name=workspace, actor=who) if workspace else who.home
    who.require("run", space.pk)
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = _body(request)
    if content_kind(headers) == BATCHED:
        found = batch_read(headers, body)
        sent = [
            Sent(event=one, actor=who.actor, via=who.via)
            for one in found
            if isinstance(one, Incoming)
        ]
        return Status(202, batch_answer(found, events_receive(workspace_id=space.pk, sent=sent)))
    received = event_receive(
        workspace=space, event=event_read(headers, body), actor=who.actor, via=who.via
    )
    return Status(202, received.as_json())


def _body(request: HttpRequest) -> bytes:
    body = request.body
    if len(body) > BODY_LIMIT:
        raise TooLarge(f"The body may have up to {BODY_LIMIT:,} bytes.", limit=BODY_LIMIT)
    return body


@csrf_exempt
@require_POST
def hook(request: HttpRequest, hook_id: UUID) -> HttpResponse:
    """Take a call in that is signed as Standard Webhooks has it."""
    body_limit_check(request, BODY_LIMIT)
    try:
        headers = dict(request.headers.items())
        lower = {name.lower(): value for name, value in headers.items()}
        received = hook_receive(hook_id=hook_id, body=_body(request), headers=lower)
    except JsonRefused as refused:
        raise DomainError(refused.message, code=refused.code) from None
    return JsonResponse(received.as_json(), status=202)


@router.put(
    "subscriptions/{name}",
    auth=needs("admin"),
    response={200: SubscriptionOut, 201: SubscriptionOut},
)
def subscription(
    request: HttpRequest,
    name: Path[str],
    payload: SubscriptionIn,
    workspace: str | None = None,
) -> Status[Any]:
    """Send events of a type to an address, signed as Standard Webhooks has it."""
    who = principal(request)
    found, secret = subscription_put(
        workspace=admin_workspace(who, workspace),
        name=name,
        event=payload.event,
        url=payload.url,
        actor=who.actor,
    )
    shape = {"name": found.name, "event": found.event, "url": found.url, "secret": secret}
    return Status(201 if secret else 200, shape)


@router.get("deliveries", auth=needs("read"), response=page_of(DeliveryOut))
def deliveries(
    request: HttpRequest,
    paging: Query[Paging],
    state: DeliveryState | None = None,
    subscription: str | None = None,
) -> dict[str, Any]:
    """What was sent to subscriptions, or is to be, newest first."""
    rows = delivery_list(
        actor=principal(request), state=state or "", subscription=subscription or ""
    )
    return page(rows, paging.cursor, paging.limit, shape=delivery_shape)


@router.post("deliveries/{uuid:delivery_id}/retry", auth=needs("run"), response=DeliveryOut)
def delivery_again(request: HttpRequest, delivery_id: UUID) -> dict[str, Any]:
    """Send a delivery once more, now, with the same `webhook-id`."""
    who = principal(request)
    found = delivery_get(actor=who, pk=delivery_id)
    who.require("run", found.subscription.workspace_id)
    return delivery_shape(delivery_retry(delivery_id=delivery_id, actor=who.actor))
