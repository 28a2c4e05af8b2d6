"""Approvals over HTTP: what is asked, and the five things that can be done about it."""

from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from approvals_app.api_auth import needs_to_decide
from approvals_app.core.policy import RISKS
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory
from approvals_app.selectors.requests import approval_get, approval_list
from approvals_app.selectors.shapes import approval_shape
from approvals_app.services.batch import LIMIT, approvals_decide
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.record import database_now
from approvals_app.services.undo import UNDO_SECONDS_MOST, approval_undo
from workflows_app.api.auth import needs, principal
from workflows_app.api.paging import page
from workflows_app.api.schemas import JSON, Paging, Schema, page_of
from workflows_app.errors import DomainError
from workflows_app.selectors.people import Principal

router = Router(tags=["approvals"])
Decision = Literal["approve", "reject", "take_over", "change"]
Text = Annotated[str, Field(max_length=10_000)]


class AlternativeOut(Schema):
    """Another way that was considered."""

    summary: str
    why: str
    confidence: float | None


class LinkOut(Schema):
    """Something to look at; http and https only."""

    label: str
    url: str


class UnusualOut(Schema):
    """Something unusual, with the requests or the two versions that show it."""

    code: str
    text: str
    requests: list[int]
    versions: list[int]


class VoteOut(Schema):
    """One answer that counts; `reason` is null where it would prime the second person."""

    by: str
    instead_of: str | None
    decision: Decision
    reason: str | None
    digest: str
    answer: JSON
    via: str
    own_rehearsal: bool
    at: str


class DelegationOut(Schema):
    """Whose seat was handed to whom."""

    seat: str
    to: str
    at: str


class EditOut(Schema):
    """A change of the arguments; the agent's original is kept."""

    at: str
    digest_before: str
    digest_after: str
    before: JSON
    after: JSON


class RungOut(Schema):
    """Who is asked as well, `after` seconds from the request."""

    after: float
    assignees: list[str]
    channel: str | None = None


class ApprovalOut(Schema):
    """One request. `action` is exactly what `digest` was made of (SHA-256 over RFC 8785)."""

    id: str
    number: int
    state: ApprovalState
    reason: Literal["approval", "review", "checkpoint"]
    mode: str
    run: str
    path: str
    generation: int
    workflow: str
    version: int | None
    action: JSON
    digest: str
    summary: str
    details: str
    recommendation: str
    confidence: float | None
    risk: Literal[RISKS]  # type: ignore[valid-type]
    impact: str
    alternatives: list[AlternativeOut]
    deadline: str
    links: list[LinkOut]
    requested_by: str
    why: str
    unusual: list[UnusualOut]
    blind: bool = Field(description="recommendation and confidence wait for the answer on pages")
    sampled: bool = Field(description="a relaxed gate asked about it all the same")
    assignees: list[str]
    need: int | Literal["all"]
    decisions: list[str] = Field(description="the answers that this gate takes")
    votes: list[VoteOut]
    allowed: list[str] = Field(description="what you may do with it now")
    form: JSON
    on_timeout: str
    ladder: list[RungOut]
    escalated: int = Field(description="rungs of the ladder that were reached")
    next_due: str | None
    delegations: list[DelegationOut]
    edits: list[EditOut]
    decided_by: str | None
    decided_at: str | None
    effective_at: str | None
    closed_at: str | None
    requested_at: str


class DecisionIn(Schema):
    """An answer; `digest` is the one that came with the action you saw."""

    decision: Decision
    digest: Annotated[str, Field(max_length=200)]
    reason: Text | None = None
    arguments: JSON = Field(None, description="with approve: run it with these instead")
    label: JSON = Field(None, description="the correct label")
    output: JSON = Field(None, description="the answer, or with take_over the step's result")
    changes: JSON = Field(None, description="with change: `{skip: [id], set: {id: with}}`")
    undo_seconds: Annotated[int, Field(ge=0, le=UNDO_SECONDS_MOST)] | None = None


class BatchItemIn(DecisionIn):
    """One answer of a batch."""

    id: UUID


class BatchIn(Schema):
    """Several answers; each has its own record and its own outcome."""

    items: Annotated[list[BatchItemIn], Field(min_length=1, max_length=LIMIT)]


class BatchItemOut(Schema):
    """What became of one answer."""

    id: str
    status: int
    state: ApprovalState | None = None
    problem: dict[str, JSON] | None = None


class BatchOut(Schema):
    """The outcomes, in the order of the answers."""

    items: list[BatchItemOut]


class DelegateIn(Schema):
    """`user:NAME` or `group:NAME`, who answers instead of you."""

    to: str = Field(min_length=1, max_length=200)
    reason: Text | None = None


class EscalateIn(Schema):
    """Why somebody further up should decide."""

    reason: Text


ApprovalPage = page_of(ApprovalOut)


@router.get("approvals", auth=needs("read", "decide"), response=ApprovalPage)
def approvals(
    request: HttpRequest,
    paging: Query[Paging],
    state: ApprovalState | None = None,
    mine: bool = False,
    run: UUID | None = None,
) -> dict[str, Any]:
    """The requests you may see, newest first; `mine` are those you were asked to answer."""
    who = principal(request)
    now = database_now()
    directories: dict[UUID, Directory] = {}

    def shape(row: ApprovalRequest) -> dict[str, Any]:
        known = directories.setdefault(row.workspace_id, Directory(row.workspace_id))
        return approval_shape(row, user=_voter(who), now=now, directory=known, is_whole=False)

    rows = approval_list(actor=who, state=state.value if state else None, mine=mine, run=run)
    return page(rows, paging.cursor, paging.limit, by="-number", shape=shape)


@router.post("approvals/decisions", auth=needs("decide"), response=BatchOut)
def decisions(request: HttpRequest, payload: BatchIn) -> dict[str, Any]:
    """Answer several requests at once."""
    who = principal(request)
    items = [{"approval_id": item.id, **_answer(item)} for item in payload.items]
    return {"items": approvals_decide(items=items, actor=who, via=_via(who), problem=_problem)}


@router.get("approvals/{uuid:approval_id}", auth=needs("read", "decide"), response=ApprovalOut)
def approval(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    """One request with everything that a decision needs."""
    return _shown(request, approval_id)


@router.post("approvals/{uuid:approval_id}/decision", auth=needs_to_decide, response=ApprovalOut)
def decision(request: HttpRequest, approval_id: UUID, payload: DecisionIn) -> dict[str, Any]:
    """Answer a request; the same body from the same person again changes nothing."""
    who = principal(request)
    approval_decide(approval_id=approval_id, actor=who, via=_via(who), **_answer(payload))
    return _shown(request, approval_id)


@router.post("approvals/{uuid:approval_id}/undo", auth=needs("decide"), response=ApprovalOut)
def undo(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    """Take your decision back before it takes effect."""
    who = principal(request)
    approval_undo(approval_id=approval_id, actor=who, via=_via(who))
    return _shown(request, approval_id)


@router.post("approvals/{uuid:approval_id}/delegate", auth=needs("decide"), response=ApprovalOut)
def delegate(request: HttpRequest, approval_id: UUID, payload: DelegateIn) -> dict[str, Any]:
    """Let somebody else answer in your place."""
    approval_delegate(
        approval_id=approval_id,
        actor=principal(request),
        to=payload.to,
        reason=payload.reason or "",
    )
    return _shown(request, approval_id)


@router.post("approvals/{uuid:approval_id}/escalate", auth=needs("decide"), response=ApprovalOut)
def escalate(request: HttpRequest, approval_id: UUID, payload: EscalateIn) -> dict[str, Any]:
    """Ask the next people up the ladder now."""
    approval_escalate(approval_id=approval_id, actor=principal(request), reason=payload.reason)
    return _shown(request, approval_id)


def _answer(payload: DecisionIn) -> dict[str, Any]:
    given = payload.model_dump(exclude={"id"})
    return {**given, "reason": given["reason"] or "", "undo_seconds": given["undo_seconds"] or 0}


def _via(who: Principal) -> str:
    return "token" if who.via == "api" else "page"


def _voter(who: Principal) -> Any:
    """Give the person whose possibilities are listed: a token without `decide` has none."""
    return who.user if "decide" in who.scopes else None


def _shown(request: HttpRequest, approval_id: UUID) -> dict[str, Any]:
    who = principal(request)
    row = approval_get(approval_id=approval_id, actor=who)
    return approval_shape(row, user=_voter(who), now=database_now())


def _problem(error: DomainError) -> dict[str, Any]:
    extra = {name: value for name, value in error.extra.items() if value not in (None, [])}
    return {"code": error.code, "detail": error.message, "status": error.status, **extra}
