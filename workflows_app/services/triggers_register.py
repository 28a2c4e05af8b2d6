"""Publishing registers a version's triggers; those of the versions before rest from then on."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows_app.core.schedules import schedule_next
from workflows_app.errors import Conflict, NotFound
from workflows_app.models import User, Workflow, WorkflowTrigger, WorkflowVersion
from workflows_app.services.clock import database_now
from workflows_app.services.history import app_event_record
from workflows_app.services.hook_secrets import secret_new, secret_rotate, secret_seal

JSON = Any
_KINDS = ("event", "schedule", "webhook")


def triggers_register(version: WorkflowVersion, actor: User) -> None:
    """Write the triggers of a version that was just published.

    `version.new_secrets` is then {trigger id: secret} of webhooks that are new: a webhook that
    the version before had keeps its secret, and a schedule its next time.
    """
    before = list(version.workflow.triggers.filter(is_active=True))
    version.workflow.triggers.update(is_active=False)
    secrets: dict[UUID, str] = {}
    for position, settings in enumerate(version.definition.get("triggers") or ()):
        kind = next(name for name in _KINDS if name in settings)
        trigger = WorkflowTrigger(
            workflow=version.workflow,
            version=version,
            position=position,
            kind=kind,
            settings=settings,
        )
        same = _same(before, kind, settings)
        if kind == "webhook":
            _keep_secret(trigger, same, secrets)
        elif kind == "schedule":
            trigger.next_at = same.next_at if same else _first_time(settings)
        trigger.save(force_insert=True)
    version.new_secrets = secrets  # type: ignore[attr-defined]


def _same(
    before: list[WorkflowTrigger], kind: str, settings: Mapping[str, JSON]
) -> WorkflowTrigger | None:
    """Find the trigger that this one goes on from: the same webhook, or the same times."""
    names = ("webhook",) if kind == "webhook" else ("schedule", "zone")
    wanted = [settings.get(name) for name in names]
    for trigger in before:
        if trigger.kind == kind and [trigger.settings.get(name) for name in names] == wanted:
            return trigger
    return None


def _keep_secret(
    trigger: WorkflowTrigger, same: WorkflowTrigger | None, secrets: dict[UUID, str]
) -> None:
    if same is not None and same.secret is not None:
        trigger.secret = bytes(same.secret)
        return
    secrets[trigger.pk] = secret_new()
    trigger.secret = secret_seal(secrets[trigger.pk])


def _first_time(settings: Mapping[str, JSON]) -> Any:
    return schedule_next(settings["schedule"], settings.get("zone") or "UTC", database_now())


@transaction.atomic
def webhook_rotate(
    *, workflow: Workflow, trigger_id: UUID, actor: str
) -> tuple[WorkflowTrigger, str]:
    """Give a webhook a new secret; the old one stays good for a day.

    Raises:
        NotFound: the workflow has no active webhook of that id.
    """
    found = (
        WorkflowTrigger.objects.select_for_update()
        .filter(workflow=workflow, pk=trigger_id, kind="webhook", is_active=True)
        .first()
    )
    if found is None:
        raise NotFound("The workflow has no such webhook.")
    if found.secret is None:
        raise Conflict("The webhook has no secret to replace.", code="no_secret")
    secret = secret_new()
    found.secret = secret_rotate(bytes(found.secret), secret, now=database_now())
    found.save(update_fields=["secret"])
    app_event_record(
        workspace=workflow.workspace,
        type="webhook.secret_rotated",
        object=f"workflow:{workflow.slug}",
        actor=actor,
        data={"trigger": str(found.pk)},
    )
    return found, secret
