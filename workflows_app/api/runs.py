"""Starting runs, and reading them."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Query, Router, Status

from workflows_app.api.auth import INPUT_LIMIT, needs, principal
from workflows_app.api.lookup import version_for, workflow_newest
from workflows_app.api.paging import page
from workflows_app.api.run_schemas import (
    MAX_SEQUENCE,
    EventPage,
    Mode,
    RunOut,
    RunPage,
    StartIn,
    StepRunPage,
)
from workflows_app.api.schemas import Paging
from workflows_app.core.canonical import digest
from workflows_app.core.states import RunState
from workflows_app.selectors.history import event_list, event_shape
from workflows_app.selectors.runs import (
    run_get,
    run_list,
    run_shape,
    step_run_list,
    step_run_shape,
)
from workflows_app.services.start import run_start
from workflows_app.services.wait import run_wait

router = Router(tags=["runs"])


@router.post(
    "workflows/{slug}/runs",
    auth=needs("run", "design", body_limit=INPUT_LIMIT),
    response={201: RunOut, 200: RunOut},
)
def start(
    request: HttpRequest,
    slug: str,
    payload: StartIn,
    wait: Annotated[float, Query(ge=0, le=30)] = 0,
    idempotency_key: Annotated[
        str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255)
    ] = None,
) -> Status[Any]:
    """Start a run; the same key and body give the same run for 30 days (200)."""
    who = principal(request)
    workflow, newest = workflow_newest(who, slug)
    rehearses = payload.mode == "rehearsal" and not who.can("run", workflow.workspace_id)
    who.require("design" if rehearses else "run", workflow.workspace_id)
    run, is_new = run_start(
        workflow=workflow,
        version=version_for(
            workflow, payload.version, mode=payload.mode, user=who.user, newest=newest
        ),
        input=payload.input,
        mode=payload.mode,
        user=who.user,
        actor=who.actor,
        via=who.via,
        idempotency_key=idempotency_key,
        body_digest=digest(payload.model_dump()) if idempotency_key else None,
    )
    if wait:
        run_wait(run.pk, wait)
    return Status(201 if is_new else 200, _shown(request, run.pk))


def _shown(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    return run_shape(run_get(run_id=run_id, actor=principal(request)))


@router.get("runs", auth=needs("read"), response=RunPage)
def runs(
    request: HttpRequest,
    paging: Query[Paging],
    state: RunState | None = None,
    workflow: str | None = None,
    mode: Mode | None = None,
) -> dict[str, Any]:
    """The runs you may see, newest first."""
    rows = run_list(actor=principal(request), state=state, workflow=workflow, mode=mode)
    return page(rows, paging.cursor, paging.limit, by="-number", shape=run_shape)


@router.get("runs/{uuid:run_id}", auth=needs("read"), response=RunOut)
def run(request: HttpRequest, run_id: UUID) -> dict[str, Any]:
    """One run; `actions` names the control calls that its state allows now."""
    return _shown(request, run_id)


@router.get("runs/{uuid:run_id}/steps", auth=needs("read"), response=StepRunPage)
def steps(
    request: HttpRequest, run_id: UUID, paging: Query[Paging], path: str | None = None
) -> dict[str, Any]:
    """The step runs in the order they came about, every generation.

    `path` names one (`enrich[3].fetch`), or with `*` at its end all that begin so.
    """
    found = run_get(run_id=run_id, actor=principal(request))
    rows = step_run_list(run=found, path=path)
    return page(rows, paging.cursor, paging.limit, by="pk", shape=step_run_shape)


@router.get("runs/{uuid:run_id}/events", auth=needs("read"), response=EventPage, by_alias=True)
def events(
    request: HttpRequest,
    run_id: UUID,
    paging: Query[Paging],
    after: Annotated[int, Query(ge=0, le=MAX_SEQUENCE)] = 0,
) -> dict[str, Any]:
    """The history of a run in order, from the event numbered after `after` on."""
    found = run_get(run_id=run_id, actor=principal(request))
    rows = event_list(run=found, after=after)
    return page(rows, paging.cursor, paging.limit, by="sequence", shape=event_shape)
