"""Triggers start runs: for events, for a signed call, or at a time; each at most once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows_app import notify
from workflows_app.core.events import type_fits
from workflows_app.core.expressions import ExpressionError
from workflows_app.errors import DomainError
from workflows_app.models import EventUse, TriggerFiring, WorkflowTrigger
from workflows_app.services.context import version_context
from workflows_app.services.history import app_event_record
from workflows_app.services.incoming import Stored
from workflows_app.services.inputs import input_check
from workflows_app.services.start import run_start, runs_insert, start_check
from workflows_app.services.values import condition_of, value_of

JSON = Any
CHAIN_LIMIT = 50  # runs that start each other by events, one after the other


def triggers_fire(
    stored: Sequence[Stored], active: Sequence[tuple[UUID, str]], webhook: UUID | None = None
) -> dict[int, list[UUID]]:
    """Start a run for each trigger and each event that fits it; give the runs by event row.

    A trigger that cannot start a run says so in its firing, and stops nobody else. The events
    were stored by this very transaction, so that none of them has fired before.

    Args:
        active: the triggers (id, type of event) that are in force.
        webhook: the webhook trigger that the events came in by.
    """
    wanted: dict[UUID, list[Stored]] = {webhook: list(stored)} if webhook else {}
    for trigger_id, pattern in active:
        fitting = [event for event in stored if type_fits(pattern, event.type)]
        if fitting:
            wanted[trigger_id] = fitting
    started: dict[int, list[UUID]] = {}
    if not wanted:
        return started
    found = WorkflowTrigger.objects.filter(is_active=True, workflow__archived_at=None)
    found = found.select_related("version", "workflow", "workflow__workspace")
    triggers = found.in_bulk(list(wanted))
    for trigger_id, events in wanted.items():
        if trigger_id not in triggers:
            continue
        for event, run_id in _fire(triggers[trigger_id], events):
            started.setdefault(event.row, []).append(run_id)
    return started


def _fire(trigger: WorkflowTrigger, events: Sequence[Stored]) -> list[tuple[Stored, UUID]]:
    """Start the runs of one trigger, all by one statement."""
    where = trigger.settings.get("where")
    inputs: list[tuple[Stored, JSON]] = []
    for event in events:
        if where and not _holds(where, event.shape):
            continue
        try:
            inputs.append((event, _input_checked(trigger, event)))
        except (DomainError, ExpressionError) as error:
            firing = TriggerFiring.objects.create(trigger=trigger, event_id=event.row)
            _failed(trigger, firing, {"code": error.code, "message": error.message})
    if not inputs:
        return []
    via = f"trigger:{trigger.pk}"
    runs = runs_insert(
        version=version_context(trigger.version_id),
        inputs=[value for _, value in inputs],
        mode="live",
        user_id=None,
        actor=via,
        via=via,
    )
    started = [(event, run.pk) for (event, _), run in zip(inputs, runs, strict=True)]
    TriggerFiring.objects.bulk_create(
        [TriggerFiring(trigger=trigger, event_id=event.row, run_id=run) for event, run in started]
    )
    EventUse.objects.bulk_create(
        [EventUse(event_id=event.row, run_id=run) for event, run in started],
        ignore_conflicts=True,
    )
    transaction.on_commit(lambda: notify.runs_ready([run for _, run in started]))
    return started


def _input_checked(trigger: WorkflowTrigger, event: Stored) -> JSON:
    if event.chain >= CHAIN_LIMIT:
        message = f"{CHAIN_LIMIT} runs have started each other by events: the chain ends here"
        raise DomainError(message, code="event_chain_too_long")
    start_check(version=trigger.version, mode="live")
    value = _input(trigger, event.shape)
    input_check(trigger.version, value)
    return value


def _holds(where: str, event: Mapping[str, JSON]) -> bool:
    """Tell whether a trigger's condition is true; one that errs starts nothing."""
    try:
        return condition_of(where).evaluate({"event": event}) is True
    except ExpressionError:
        return False


def trigger_start(
    trigger: WorkflowTrigger, *, event: Mapping[str, JSON], fire_at: datetime
) -> UUID | None:
    """Start the run of a schedule's time; None where it fired before, or cannot start."""
    firing, is_new = TriggerFiring.objects.get_or_create(trigger=trigger, fire_at=fire_at)
    if not is_new:
        return None
    try:
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
