"""Triggers start runs: for an event, for a signed call, or at a time; each at most once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows_app.core.events import type_fits
from workflows_app.core.expressions import ExpressionError
from workflows_app.errors import DomainError
from workflows_app.models import EventUse, TriggerFiring, WorkflowTrigger
from workflows_app.services.history import app_event_record
from workflows_app.services.start import run_start
from workflows_app.services.values import condition_of, value_of

JSON = Any
CHAIN_LIMIT = 50  # runs that start each other by events, one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An event that may start runs."""

    workspace_id: UUID
    event: Mapping[str, JSON]
    row: int
    chain: int
    webhook: UUID | None  # the webhook trigger that it came in by


def triggers_fire(firing: Firing) -> list[UUID]:
    """Start a run for each active trigger that the event fits; give the runs.

    A trigger that cannot start its run says so in its firing, and stops nobody else.
    """
    started = []
    for trigger in _fitting(firing):
        where = trigger.settings.get("where")
        if where and not _holds(where, firing.event):
            continue
        run = trigger_start(trigger, event=firing.event, row=firing.row, chain=firing.chain)
        if run is not None:
            started.append(run)
    return started


def _fitting(firing: Firing) -> list[WorkflowTrigger]:
    active = (
        WorkflowTrigger.objects.filter(
            workflow__workspace_id=firing.workspace_id, is_active=True, workflow__archived_at=None
        )
        .select_related("version", "workflow", "workflow__workspace")
        .order_by("pk")
    )
    found = [
        trigger
        for trigger in active.filter(kind="event")
        if type_fits(trigger.settings["event"], str(firing.event["type"]))
    ]
    return [*active.filter(pk=firing.webhook), *found] if firing.webhook else found


def _holds(where: str, event: Mapping[str, JSON]) -> bool:
    """Tell whether a trigger's condition is true; one that errs starts nothing."""
    try:
        return condition_of(where).evaluate({"event": event}) is True
    except ExpressionError:
        return False


def trigger_start(
    trigger: WorkflowTrigger,
    *,
    event: Mapping[str, JSON],
    row: int | None = None,
    fire_at: datetime | None = None,
    chain: int = 0,
) -> UUID | None:
    """Start the run of one firing; None where it fired before, or cannot start."""
    named: dict[str, Any] = {"event_id": row} if row is not None else {"fire_at": fire_at}
    firing, is_new = TriggerFiring.objects.get_or_create(trigger=trigger, **named)
    if not is_new:
        return None
    try:
        if chain >= CHAIN_LIMIT:
            message = f"{CHAIN_LIMIT} runs have started each other by events: the chain ends here"
            raise DomainError(message, code="event_chain_too_long")
        with transaction.atomic():
            run, _ = run_start(
                workflow=trigger.workflow,
                version=trigger.version,
                input=_input(trigger, event),
                user=None,
                actor=f"trigger:{trigger.pk}",
                via=f"trigger:{trigger.pk}",
            )
    except (DomainError, ExpressionError) as error:
        _failed(trigger, firing, {"code": error.code, "message": error.message})
        return None
    TriggerFiring.objects.filter(pk=firing.pk).update(run_id=run.pk)
    if row is not None:
        EventUse.objects.get_or_create(event_id=row, run_id=run.pk)
    return run.pk


def _input(trigger: WorkflowTrigger, event: Mapping[str, JSON]) -> JSON:
    """Give the run's input: as the trigger says, else the event's data."""
    given = trigger.settings.get("input")
    if given is None:
        return event.get("data") or {}
    return value_of(given).evaluate({"event": event})


def _failed(trigger: WorkflowTrigger, firing: TriggerFiring, error: dict[str, str]) -> None:
    TriggerFiring.objects.filter(pk=firing.pk).update(error=error)
    app_event_record(
        workspace=trigger.workflow.workspace,
        type="trigger.failed",
        object=f"workflow:{trigger.workflow.slug}",
        actor=f"trigger:{trigger.pk}",
        why=error["message"],
        data={"code": error["code"]},
    )
