"""The audit log over the API: read it, take it along, prove it."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router
from pydantic import Field

from workflows_app.api.auth import needs, principal
from workflows_app.api.paging import page
from workflows_app.api.schemas import JSON, Loose, Paging, Problem, Schema, page_of
from workflows_app.evidence.selectors.records import Filters, record_list, record_shapes
from workflows_app.evidence.services.export import Format, audit_export
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.models import Workspace
from workflows_app.selectors.people import workspace_get

router = Router(tags=["audit"], auth=needs("read"))


class Place(Paging):
    """Whose audit log; without a name, that of the caller's home workspace."""

    workspace: str | None = Field(None, max_length=200)


class EventsQuery(Place):
    """What to show of it."""

    actor: str = Field("", max_length=200, description="user:NAME, service:NAME, engine, ...")
    object: str = Field("", max_length=200, description="workflow:SLUG, RUN-7, APR-12, ...")
    action: str = Field("", max_length=60, description="a type, or `approval.` for all of them")
    since: datetime | None = None
    until: datetime | None = None


class RecordOut(Loose):
    """One sealed record. `hash` = SHA-256(`previous` + the canonical JSON of the rest)."""

    position: int
    at: str
    type: str
    object: str
    actor: str
    why: str
    run: str | None
    sequence: int | None
    path: str
    generation: int | None
    trigger: str
    data: JSON | None
    previous: str
    hash: str


class HeadOut(Schema):
    """Where a chain ends."""

    position: int
    hash: str


class VerifyOut(Schema):
    """Whether every record is as it was sealed; `first_bad` is a position."""

    valid: bool
    checked: int
    first_bad: int | None
    head: HeadOut


@router.get("/audit/events", response=page_of(RecordOut))
def audit_events(request: HttpRequest, query: Query[EventsQuery]) -> dict[str, Any]:
    """List the audit log, newest first."""
    workspace = _workspace(request, query.workspace)
    seal_now()
    named = query.model_dump(include={"actor", "object", "action", "since", "until"})
    seals = record_list(workspace=workspace, filters=Filters(**named))
    found = page(seals, query.cursor, query.limit, by="-position")
    found["items"] = record_shapes(found["items"], workspace=workspace.pk)
    return found


@router.get("/audit/export", response={200: None, 422: Problem})
def audit_export_get(
    request: HttpRequest,
    format: Format = "jsonl",
    workspace: str | None = None,
) -> StreamingHttpResponse:
    """Download the whole audit log; the export is itself recorded."""
    found = _workspace(request, workspace)
    seal_now()
    return audit_export(workspace=found, form=format, actor=principal(request).actor)


@router.get("/audit/verify", response=VerifyOut)
def audit_verify(request: HttpRequest, workspace: str | None = None) -> dict[str, Any]:
    """Recompute the chain from its first record, and compare its end with the noted heads."""
    found = _workspace(request, workspace)
    seal_now()
    verdict = chain_verify(workspace=found.pk)
    return {
        "valid": verdict.is_valid,
        "checked": verdict.checked,
        "first_bad": verdict.first_bad,
        "head": {"position": verdict.position, "hash": verdict.hash},
    }


def _workspace(request: HttpRequest, name: str | None) -> Workspace:
    who = principal(request)
    workspace = workspace_get(name=name, actor=who) if name else who.home
    who.require("read", workspace.pk)
    return workspace
