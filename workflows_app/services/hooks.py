"""Signed calls from outside: each webhook trigger has an address and a secret of its own."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from workflows_app.core.strict_json import strict_loads
from workflows_app.models import WorkflowTrigger
from workflows_app.sealing import SealBroken
from workflows_app.services.clock import database_now
from workflows_app.services.events import Incoming, Received, event_receive
from workflows_app.services.hook_secrets import secret_new, secrets_active, signature_holds
from workflows_app.services.tokens import Unauthenticated

JSON = Any
_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_ID_LENGTH = 500


def hook_receive(*, hook_id: UUID, body: bytes, headers: Mapping[str, str]) -> Received:
    """Take a signed call in: its body is the event's data, `webhook-id` the event's id.

    Raises:
        Unauthenticated: no such webhook, or the signature does not hold; which of them, a
            stranger does not learn.
        JsonRefused: the body is not JSON that the product takes.
    """
    trigger = _hook(hook_id)
    signed = {name: headers.get(name) or "" for name in _SIGNED}
    if not signature_holds(_secrets(trigger), body, signed) or trigger is None:
        raise Unauthenticated("The signature does not hold.", code="bad_signature")
    name = trigger.settings["webhook"]
    event = Incoming(
        id=signed["webhook-id"][:_ID_LENGTH],
        source=f"/hooks/{trigger.workflow.slug}/{name}",
        type=f"webhook.{name}"[:200],
        data=strict_loads(body),
    )
    return event_receive(
        workspace=trigger.workflow.workspace_id,
        event=event,
        actor=f"trigger:{trigger.pk}",
        via=f"hook:{trigger.pk}",
        only_trigger=trigger.pk,
    )


def _hook(hook_id: UUID) -> WorkflowTrigger | None:
    """Find the webhook; the address of an older version leads to the active one of its name."""
    hooks = WorkflowTrigger.objects.filter(kind="webhook", workflow__archived_at=None)
    hooks = hooks.select_related("workflow")
    found = hooks.filter(pk=hook_id).first()
    if found is None or found.is_active:
        return found
    name = found.settings["webhook"]
    active = hooks.filter(workflow=found.workflow_id, is_active=True)
    return next((one for one in active if one.settings["webhook"] == name), None)


def _secrets(trigger: WorkflowTrigger | None) -> list[str]:
    """Give the secrets to try; for an unknown webhook one that nobody has."""
    if trigger is None or trigger.secret is None:
        return [secret_new()]
    try:
        return secrets_active(bytes(trigger.secret), now=database_now())
    except SealBroken:
        return [secret_new()]
