"""Circuit breakers: what is being spared, and closing one by hand."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Path, Router, Status
from pydantic import Field

from workflows_app.agents.selectors.breakers import BreakerRow, breaker_rows
from workflows_app.agents.services.breakers import breaker_close
from workflows_app.api.auth import needs, principal
from workflows_app.api.people import admin_workspace
from workflows_app.api.schemas import Schema
from workflows_app.selectors.people import workspace_get

router = Router(tags=["tools"])


class BreakerStateOut(Schema):
    """One breaker, shared by all runs and workers of a workspace."""

    name: str = Field(description="`tool:NAME`, `model:ROLE` or `worker:NAME`")
    state: str = Field(description="`closed`, `open` or `half_open`")
    failures: int = Field(description="in a row, so far")
    limit: int = Field(description="so many in a row open it")
    opened_at: datetime | None
    until: datetime | None = Field(description="from then on one probe goes")
    waiting: int = Field(description="steps that wait for it")


class BreakersOut(Schema):
    items: list[BreakerStateOut]


class CloseIn(Schema):
    reason: str = Field("", max_length=10_000)


@router.get("breakers", auth=needs("read"), response=BreakersOut)
def breakers(request: HttpRequest, workspace: str | None = None) -> dict[str, Any]:
    """What has failed lately, what is open first."""
    who = principal(request)
    space = workspace_get(name=workspace, actor=who) if workspace else who.home
    who.require("read", space.pk)
    return {"items": [_shape(row) for row in breaker_rows(workspace_id=space.pk)]}


@router.post("breakers/{name}/close", auth=needs("admin"), response={204: None})
def breaker_close_call(
    request: HttpRequest, name: Path[str], payload: CloseIn, workspace: str | None = None
) -> Status[None]:
    """Close a breaker by hand: what waits for it goes on at once."""
    who = principal(request)
    space = admin_workspace(who, workspace)
    breaker_close(workspace=space, name=name, actor=who.actor, reason=payload.reason)
    return Status(204, None)


def _shape(row: BreakerRow) -> dict[str, Any]:
    names = ("name", "state", "failures", "limit", "opened_at", "until", "waiting")
    return {name: getattr(row, name) for name in names}
