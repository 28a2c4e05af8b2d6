"""Steering runs: what a person may ask of one, and when (the service says)."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import Field, StrictInt

from workflows_app.api.auth import needs, principal
from workflows_app.api.run_schemas import MAX_SEQUENCE, RunOut
from workflows_app.api.schemas import JSON, Schema
from workflows_app.models import Run
from workflows_app.selectors.runs import run_get, run_shape
from workflows_app.services import control, rerun
from workflows_app.services.carry_on import run_carry_on
from workflows_app.services.triggers import trigger_fire

router = Router(tags=["runs"])


class Reason(Schema):
    """Why a person steers a run; it is kept in the history."""

    reason: str = Field("", max_length=10_000)


class CancelIn(Reason):
    rollback: bool = False


class RetryIn(Reason):
    path: str | None = None
    input: JSON = None
    version: Annotated[StrictInt, Field(ge=1, le=MAX_SEQUENCE)] | None = None


class SkipIn(Reason):
    path: str | None = None
    output: JSON = None


class FailIn(Reason):
    path: str | None = None


class TriggerIn(Schema):
    path: str
    trigger: str
    data: JSON = None


def _steered(request: HttpRequest, run_id: UUID) -> Run:
    """Give the run to steer, if the caller may; what cannot be seen is 404 before it is 403."""
    found = run_get(run_id=run_id, actor=principal(request))
    principal(request).require("run", found.workspace_id)
    return found


def _control(request: HttpRequest, run_id: UUID, act: Any, payload: Reason) -> Status[Any]:
    """Carry out one control call; one that makes a new run answers 201 with that run."""
    _steered(request, run_id)
    fields = payload.model_dump(exclude_unset=True)
    fields.setdefault("reason", "")
    if fields.get("version", 0) is None:
        del fields["version"]
    result = act(run_id=run_id, actor=principal(request).actor, **fields)
    shown = result.pk if isinstance(result, Run) else run_id
    found = run_get(run_id=shown, actor=principal(request))
    return Status(200 if shown == run_id else 201, run_shape(found))


@router.post("runs/{uuid:run_id}/pause", auth=needs("run"), response=RunOut)
def pause(request: HttpRequest, run_id: UUID, payload: Reason) -> Status[Any]:
    """Claim nothing new; what runs finishes."""
    return _control(request, run_id, control.run_pause, payload)


@router.post("runs/{uuid:run_id}/resume", auth=needs("run"), response=RunOut)
def resume(request: HttpRequest, run_id: UUID, payload: Reason) -> Status[Any]:
    """Go on after a pause."""
    return _control(request, run_id, control.run_resume, payload)


@router.post("runs/{uuid:run_id}/cancel", auth=needs("run"), response=RunOut)
def cancel(request: HttpRequest, run_id: UUID, payload: CancelIn) -> Status[Any]:
    """Stop, and with `rollback` undo what was done."""
    return _control(request, run_id, control.run_cancel, payload)


@router.post(
    "runs/{uuid:run_id}/retry",
    auth=needs("run"),
    response={200: RunOut, 201: RunOut},
)
def retry(request: HttpRequest, run_id: UUID, payload: RetryIn) -> Status[Any]:
    """Run again from a step; with `version` as a new run of that version (201)."""
    if payload.version is not None:
        return _control(request, run_id, run_carry_on, payload)
    return _control(request, run_id, rerun.run_retry, payload)


@router.post("runs/{uuid:run_id}/skip", auth=needs("run"), response=RunOut)
def skip(request: HttpRequest, run_id: UUID, payload: SkipIn) -> Status[Any]:
    """Go on past a step as if it were done, with the given output."""
    return _control(request, run_id, rerun.run_skip, payload)


@router.post("runs/{uuid:run_id}/fail", auth=needs("run"), response=RunOut)
def fail(request: HttpRequest, run_id: UUID, payload: FailIn) -> Status[Any]:
    """Declare a step that nobody knows the outcome of as failed."""
    return _control(request, run_id, rerun.run_fail, payload)


@router.post("runs/{uuid:run_id}/rollback", auth=needs("run"), response=RunOut)
def rollback(request: HttpRequest, run_id: UUID, payload: Reason) -> Status[Any]:
    """Undo what an ended run did, newest first."""
    return _control(request, run_id, control.run_rollback, payload)


@router.post("runs/{uuid:run_id}/triggers", auth=needs("run"), response=RunOut)
def trigger(request: HttpRequest, run_id: UUID, payload: TriggerIn) -> dict[str, Any]:
    """Fire a trigger of a state machine in the run."""
    _steered(request, run_id)
    trigger_fire(run_id=run_id, actor=principal(request).actor, **payload.model_dump())
    return run_shape(run_get(run_id=run_id, actor=principal(request)))
