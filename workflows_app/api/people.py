"""Members of a workspace, and who the caller is."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Path, Query, Router, Status
from pydantic import Field

from workflows_app.api.auth import needs, principal
from workflows_app.api.paging import page
from workflows_app.api.schemas import Paging, Schema, page_of
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal, member_list, member_shape, workspace_get
from workflows_app.services.people import (
    member_change_propose,
    member_change_settle,
    member_put,
)

router = Router(tags=["people"])
Role = Literal["viewer", "operator", "designer", "reviewer", "admin"]
Name = Annotated[str, Field(min_length=1, max_length=150)]


class MemberIn(Schema):
    """A person's place, whole: what is left out is taken away."""

    roles: list[Role] = []
    groups: list[Annotated[str, Field(min_length=1, max_length=100)]] = []
    active: bool = True


class MemberOut(Schema):
    name: str
    roles: list[Role]
    groups: list[str]
    active: bool


class ProposalOut(MemberOut):
    """A change made in the browser: it waits for a second admin."""

    id: UUID
    by: str


class SettleIn(Schema):
    accept: bool


class GrantOut(Schema):
    workspace: str
    roles: list[str]
    scopes: list[str]


class MeOut(Schema):
    actor: str
    grants: list[GrantOut]


MemberPage = page_of(MemberOut)


def admin_workspace(who: Principal, name: str | None) -> Workspace:
    """Give the workspace that the caller means and administers."""
    workspace = workspace_get(name=name, actor=who) if name else who.home
    who.require("admin", workspace.pk)
    return workspace


@router.get("me", auth=needs(), response=MeOut)
def me(request: HttpRequest) -> dict[str, Any]:
    """Who you are to us, and what you may do where."""
    who = principal(request)
    grants = [
        {
            "workspace": grant.workspace.slug,
            "roles": sorted(grant.roles),
            "scopes": sorted(grant.scopes),
        }
        for grant in who.grants
    ]
    return {"actor": who.actor, "grants": grants}


@router.get("members", auth=needs("admin"), response=MemberPage)
def members(
    request: HttpRequest, paging: Query[Paging], workspace: str | None = None
) -> dict[str, Any]:
    """The members of a workspace, newest first."""
    who = principal(request)
    rows = member_list(actor=who, workspace=admin_workspace(who, workspace))
    return page(rows, paging.cursor, paging.limit, shape=member_shape)


@router.put(
    "members/{name}",
    auth=needs("admin"),
    response={200: MemberOut, 201: MemberOut, 202: ProposalOut},
)
def member(
    request: HttpRequest, name: Path[Name], payload: MemberIn, workspace: str | None = None
) -> Status[Any]:
    """Create or replace a person's place in a workspace.

    From the browser it is only proposed (202): a second admin puts it into force.
    """
    who = principal(request)
    space = admin_workspace(who, workspace)
    wanted = payload.model_dump()
    if who.via == "page":
        return Status(202, member_change_propose(workspace=space, name=name, actor=who, **wanted))
    changed, is_new = member_put(workspace=space, name=name, actor=who.actor, **wanted)
    return Status(201 if is_new else 200, member_shape(changed))


@router.post(
    "member-changes/{uuid:proposal_id}",
    auth=needs("admin"),
    response={200: MemberOut, 204: None},
)
def member_change(
    request: HttpRequest, proposal_id: UUID, payload: SettleIn, workspace: str | None = None
) -> Status[Any]:
    """Put a proposed change into force, as a second admin, or drop it (204)."""
    who = principal(request)
    space = admin_workspace(who, workspace)
    changed = member_change_settle(
        workspace=space, proposal_id=proposal_id, accept=payload.accept, actor=who
    )
    return Status(204, None) if changed is None else Status(200, member_shape(changed))
