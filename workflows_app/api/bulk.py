"""One action on many runs: begun here, carried out by the workers, read while it goes on."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from workflows_app.api.auth import needs, principal
from workflows_app.api.bulk_schemas import (
    BulkDetailOut,
    BulkIn,
    BulkOut,
    BulkPage,
    ExportQuery,
    ReasonIn,
    ResultPaging,
)
from workflows_app.api.paging import page
from workflows_app.api.schemas import Paging
from workflows_app.models import BulkOperation
from workflows_app.selectors.bulk import (
    bulk_get,
    bulk_item_shape,
    bulk_items,
    bulk_list,
    bulk_shape,
)
from workflows_app.services.bulk import bulk_propose, bulk_start, bulk_stop
from workflows_app.services.run_export import runs_export

router = Router(tags=["runs"])


@router.post("runs/bulk", auth=needs("run"), response={201: BulkDetailOut})
def bulk_begin(request: HttpRequest, payload: BulkIn) -> Status[Any]:
    """Retry, cancel, pause, resume, skip or fail many runs; the runs are fixed at this moment.

    Each run is steered by itself, as by its own call: one that refuses does not stop the others.
    """
    who = principal(request)
    proposed = bulk_propose(
        principal=who,
        action=payload.action,
        filter=payload.filter.named() if payload.filter else None,
        ids=payload.ids,
        reason=payload.reason,
        fields=payload.fields(),
    )
    return Status(201, _detail(bulk_start(bulk_id=proposed.pk, actor=who.actor)))


@router.get("runs/bulk", auth=needs("read"), response=BulkPage)
def bulks(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The bulk operations, newest first."""
    rows = bulk_list(actor=principal(request))
    return page(rows, paging.cursor, paging.limit, by="-number", shape=bulk_shape)


@router.get("runs/bulk/{uuid:bulk_id}", auth=needs("read"), response=BulkDetailOut)
def bulk_read(request: HttpRequest, bulk_id: UUID, paging: Query[ResultPaging]) -> dict[str, Any]:
    """How far an operation is, with the results of its runs."""
    return _detail(bulk_get(actor=principal(request), bulk_id=bulk_id), paging)


@router.post("runs/bulk/{uuid:bulk_id}/stop", auth=needs("run"), response=BulkOut)
def bulk_end(request: HttpRequest, bulk_id: UUID, payload: ReasonIn) -> dict[str, Any]:
    """Leave the runs that were not reached yet as they are."""
    who = principal(request)
    who.require("run", bulk_get(actor=who, bulk_id=bulk_id).workspace_id)
    return bulk_shape(bulk_stop(bulk_id=bulk_id, actor=who.actor, reason=payload.reason))


@router.get(
    "runs/export",
    auth=needs("read"),
    openapi_extra={"responses": {200: {"description": "A file", "content": {"*/*": {}}}}},
)
def export(request: HttpRequest, query: Query[ExportQuery]) -> HttpResponse:
    """The runs that fit as a file, one line for each; the export is recorded."""
    return runs_export(principal=principal(request), query=query.q, format=query.format)


def _detail(operation: BulkOperation, paging: ResultPaging | None = None) -> dict[str, Any]:
    state, cursor, limit = (
        (paging.status, paging.cursor, paging.limit) if paging else (None, None, 50)
    )
    items = bulk_items(operation=operation, state=state)
    found = page(items, cursor, limit, by="pk", shape=bulk_item_shape)
    return {**bulk_shape(operation), "results": found["items"], "next": found["next"]}
