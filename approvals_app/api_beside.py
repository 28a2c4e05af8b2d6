"""What goes on beside the answer, over HTTP: comments, snoozes, claims, and cover."""

from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import AwareDatetime, Field

from approvals_app.models import Comment, Cover
from approvals_app.selectors.cover import cover_in_force
from approvals_app.selectors.queue import CLAIM, looking_at
from approvals_app.selectors.requests import approval_get
from approvals_app.services import record
from approvals_app.services.cover import cover_create, cover_end
from approvals_app.services.seen import approval_see
from approvals_app.services.talk import TEXT_MOST, approval_comment, approval_snooze
from workflows_app.api.auth import needs, principal
from workflows_app.api.paging import page
from workflows_app.api.schemas import Paging, Schema, page_of

router = Router(tags=["approvals"])
Name = Annotated[str, Field(max_length=200)]


class CommentIn(Schema):
    """What you say to the others; it stays as it was said."""

    text: Annotated[str, Field(min_length=1, max_length=TEXT_MOST)]


class CommentOut(Schema):
    """What somebody said about a request."""

    id: int
    by: str
    text: str
    at: str


class SnoozeIn(Schema):
    """For how long to look away: it ends before the deadline."""

    minutes: Annotated[int, Field(ge=1, le=100_000)]


class SnoozeOut(Schema):
    """When the request comes back into your queue."""

    until: str


class ClaimOut(Schema):
    """Until when others see that you look at it, and who looks at it as well."""

    until: str
    others: list[str]


class CoverIn(Schema):
    """Who answers in whose place; `person` is you where it is left out."""

    person: Name = ""
    delegate: Annotated[str, Field(min_length=1, max_length=200)]
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    workflow: Name = Field("", description="its slug; empty for all of them")
    includes_critical: bool = False


class CoverOut(Schema):
    """Somebody answers in a person's place while that person is away."""

    id: int
    person: str
    delegate: str
    workflow: str | None
    starts_at: str
    ends_at: str
    includes_critical: bool
    ended_at: str | None = Field(description="when it was called off before its end")


CommentPage = page_of(CommentOut)
CoverPage = page_of(CoverOut)


@router.get(
    "approvals/{uuid:approval_id}/comments", auth=needs("read", "decide"), response=CommentPage
)
def comments(request: HttpRequest, approval_id: UUID, paging: Query[Paging]) -> dict[str, Any]:
    """What was said about a request, newest first."""
    row = approval_get(approval_id=approval_id, actor=principal(request))
    rows = row.comments.select_related("person")
    return page(rows, paging.cursor, paging.limit, by="-pk", shape=_comment)


@router.post(
    "approvals/{uuid:approval_id}/comments", auth=needs("decide"), response={201: CommentOut}
)
def comment(request: HttpRequest, approval_id: UUID, payload: CommentIn) -> Status[Any]:
    """Say something about a request, before or after its end."""
    made = approval_comment(approval_id=approval_id, actor=principal(request), text=payload.text)
    return Status(201, _comment(made))


@router.post("approvals/{uuid:approval_id}/snooze", auth=needs("decide"), response=SnoozeOut)
def snooze(request: HttpRequest, approval_id: UUID, payload: SnoozeIn) -> dict[str, Any]:
    """Keep a request out of your own queue for a while; its clock runs on."""
    who = principal(request)
    row = approval_snooze(approval_id=approval_id, actor=who, minutes=payload.minutes)
    until = row.snoozes.get(person=record.person_of(who)).until
    return {"until": _time(until)}


@router.post("approvals/{uuid:approval_id}/claim", auth=needs("decide"), response=ClaimOut)
def claim(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    """Let others see for two minutes that you look at it; it hinders nobody. Repeat to go on."""
    who = principal(request)
    person = record.person_of(who)
    row = approval_see(approval_id=approval_id, actor=who)
    now = record.database_now()
    return {
        "until": _time(now + CLAIM),
        "others": [f"user:{name}" for name in looking_at(row, user=person, now=now)],
    }


@router.get("covers", auth=needs("read", "decide"), response=CoverPage)
def covers(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """Who stands in for whom, now or later, newest first."""
    rows = cover_in_force(workspace=principal(request).home, now=record.database_now())
    return page(rows, paging.cursor, paging.limit, by="-pk", shape=_cover)


@router.post("covers", auth=needs("decide"), response={201: CoverOut})
def cover(request: HttpRequest, payload: CoverIn) -> Status[Any]:
    """Let somebody answer in your place; an admin may do it for others."""
    who = principal(request)
    person, space = record.person_of(who), who.home
    if payload.person.removeprefix("user:") not in ("", person.username):
        who.require("admin", space.pk)
    made = cover_create(actor=person, workspace=space, **payload.model_dump())
    return Status(201, _cover(made))


@router.post("covers/{int:cover_id}/end", auth=needs("decide"), response=CoverOut)
def cover_off(request: HttpRequest, cover_id: int) -> dict[str, Any]:
    """Call a cover off from now on: your own, or as an admin anybody's."""
    return _cover(cover_end(actor=principal(request), cover_id=cover_id))


def _comment(row: Comment) -> dict[str, Any]:
    return {
        "id": row.pk,
        "by": f"user:{row.person.username}",
        "text": row.text,
        "at": _time(row.at),
    }


def _cover(row: Cover) -> dict[str, Any]:
    return {
        "id": row.pk,
        "person": f"user:{row.seat.username}",
        "delegate": f"user:{row.delegate.username}",
        "workflow": row.workflow.slug if row.workflow else None,
        "starts_at": _time(row.starts_at),
        "ends_at": _time(row.ends_at),
        "includes_critical": row.includes_critical,
        "ended_at": _time(row.ended_at) if row.ended_at else None,
    }


def _time(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")
