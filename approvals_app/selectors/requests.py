"""Requests that a person may see, and what they show of themselves."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.db.models.functions import Now

from approvals_app.core.policy import Refusal, seat_for
from approvals_app.core.policy import Vote as Counted
from approvals_app.core.states import DECIDED, ApprovalState
from approvals_app.models import ApprovalRequest, Delegation, Snooze, Vote
from approvals_app.selectors.people import (
    Directory,
    covers_now,
    gate_of,
    names_of,
    need_of,
    user_names,
    votes_counted,
)
from approvals_app.selectors.unusual import facts_of
from workflows_app.errors import NotFound
from workflows_app.models import User
from workflows_app.selectors.people import Actor, Principal, principal_of_user

JSON = Any
SHOWN = Prefetch("votes", Vote.objects.select_related("person", "seat", "undone").order_by("pk"))


def approval_visible(*, actor: Actor) -> QuerySet[ApprovalRequest]:
    """Give what `actor` may see: all in a workspace they read, else where they were asked."""
    principal = actor if isinstance(actor, Principal) else principal_of_user(actor)
    reads = [
        grant.workspace.pk
        for grant in principal.grants
        if "read" in grant.scopes and (grant.roles or principal.user is None)
    ]
    visible = Q(workspace_id__in=reads)
    if principal.user is not None:
        for workspace_id in principal.workspace_ids - set(reads):
            visible |= Q(workspace_id=workspace_id) & _asked(principal.user, workspace_id)
    return ApprovalRequest.objects.filter(visible)


def _asked(user: User, workspace_id: UUID) -> Q:
    names = sorted(names_of(user, workspace_id=workspace_id))
    handed = Delegation.objects.filter(request=OuterRef("pk"), to__in=names)
    asked = Q(assignees__overlap=names) | Q(Exists(handed))
    covers = covers_now().filter(workspace_id=workspace_id, delegate=user) if names else ()
    for cover in covers:
        theirs = sorted(names_of(cover.seat, workspace_id=workspace_id))
        covered = Q(assignees__overlap=theirs)
        if cover.workflow_id is not None:
            covered &= Q(workflow_id=cover.workflow_id)
        asked |= covered if cover.includes_critical else covered & ~Q(risk="critical")
    return asked


def approval_get(*, approval_id: UUID | int, actor: Actor) -> ApprovalRequest:
    """Give one request by its id or its number, with all that its page shows.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    key = {"number": approval_id} if isinstance(approval_id, int) else {"pk": approval_id}
    request = _with_parts(approval_visible(actor=actor)).filter(**key).first()
    if request is None:
        raise NotFound("There is no such approval request.")
    return request


def approval_list(
    *,
    actor: Actor,
    state: str | None = None,
    mine: bool = False,
    run: UUID | None = None,
    hides_snoozed: bool = False,
) -> QuerySet[ApprovalRequest]:
    """Give the requests that `actor` may see, newest first.

    Args:
        mine: only those that `actor` was asked to answer, and, while one is pending, may.
        hides_snoozed: of these, without what `actor` wants to see later.
    """
    requests = _with_parts(approval_visible(actor=actor))
    if state:
        requests = requests.filter(state=state)
    if run:
        requests = requests.filter(run_id=run)
    if mine:
        requests = requests.filter(_mine(actor, hides_snoozed=hides_snoozed))
    return requests.order_by("-number")


def _mine(actor: Actor, *, hides_snoozed: bool = False) -> Q:
    principal = actor if isinstance(actor, Principal) else principal_of_user(actor)
    user = principal.user
    if user is None:
        return Q(pk__in=())
    asked = Q(pk__in=())
    for workspace_id in principal.workspace_ids:
        asked |= Q(workspace_id=workspace_id) & _asked(user, workspace_id)
    rehearsed = Q(mode="rehearsal", starter=user.pk)
    may = (asked & (~Q(requesters__contains=[user.pk]) | Q(mode="rehearsal"))) | rehearsed
    answered = Vote.objects.filter(
        request=OuterRef("pk"), round=OuterRef("round"), person=user, undone__isnull=True
    )
    later = Snooze.objects.filter(request=OuterRef("pk"), person=user, until__gt=Now())
    waits = Q(~Exists(answered)) & (Q(~Exists(later)) if hides_snoozed else Q())
    return may & (~Q(state=ApprovalState.PENDING.value) | waits)


def _with_parts(requests: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return requests.select_related("run", "workflow", "version", "decided_by").prefetch_related(
        SHOWN, "delegations", "edits"
    )


def inbox_counts(*, actor: Actor) -> dict[str, int]:
    """Give how many requests each tab of the inbox holds."""
    pending = approval_visible(actor=actor).filter(state=ApprovalState.PENDING.value)
    return {
        "mine": pending.filter(_mine(actor, hides_snoozed=True)).count(),
        "teams": pending.count(),
        "delegated": delegated_list(actor=actor).count(),
    }


def delegated_list(*, actor: Actor) -> QuerySet[ApprovalRequest]:
    """Give the pending requests that `actor` handed on."""
    user = actor.user if isinstance(actor, Principal) else actor
    handed = Delegation.objects.filter(request=OuterRef("pk"), seat=user)
    requests = _with_parts(approval_visible(actor=actor)).filter(Exists(handed))
    return requests.filter(state=ApprovalState.PENDING.value).order_by("-number")


def decided_list(*, actor: Actor) -> QuerySet[ApprovalRequest]:
    """Give what is not pending any more, newest first."""
    requests = _with_parts(approval_visible(actor=actor))
    return requests.exclude(state=ApprovalState.PENDING.value).order_by("-closed_at", "-number")


def undoable(*, actor: Actor, now: datetime) -> ApprovalRequest | None:
    """Give the newest decision of `actor` that can still be taken back."""
    user = actor.user if isinstance(actor, Principal) else actor
    mine = approval_visible(actor=actor).filter(decided_by=user, effective_at__gt=now)
    return mine.order_by("-decided_at").first()


def actions_allowed(
    request: ApprovalRequest, user: User | None, now: datetime, directory: Directory | None = None
) -> list[str]:
    """Give what `user` may do with the request now; the services check all of it again."""
    if user is None:
        return []
    state = ApprovalState(request.state)
    if state in DECIDED:
        is_open = request.effective_at is not None and now < request.effective_at
        return ["undo"] if is_open and request.decided_by_id == user.pk else []
    if state is not ApprovalState.PENDING or request.deadline_at <= now:
        return []
    gate = gate_of(request, directory)
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    seat = seat_for(gate, user.pk, votes)
    if seat is Refusal.ANSWERED:
        return ["escalate"]
    return [] if isinstance(seat, Refusal) else [*request.decisions, "delegate", "escalate"]


def answers_for(request: ApprovalRequest, user: User) -> str | None:
    """Give in whose place `user` would answer, or None where in their own."""
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    seat = seat_for(gate_of(request), user.pk, votes)
    if isinstance(seat, Refusal) or seat == user.pk:
        return None
    return user_names([seat]).get(seat)


def refusal_of(request: ApprovalRequest, user: User) -> Refusal | None:
    """Tell why `user` may not answer, or None where they may."""
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    seat = seat_for(gate_of(request), user.pk, votes)
    return seat if isinstance(seat, Refusal) else None


def approval_shape(
    request: ApprovalRequest,
    *,
    user: User | None,
    now: datetime,
    directory: Directory | None = None,
    is_whole: bool = True,
) -> dict[str, JSON]:
    """Give a request as the API shows it; `action` is what the digest was made of.

    Args:
        is_whole: also find what is unusual where nobody has yet; in a list that waits.
    """
    allowed = actions_allowed(request, user, now, directory)
    return {
        "id": str(request.pk),
        "number": request.number,
        "state": request.state,
        "reason": request.reason,
        "mode": request.mode,
        "run": str(request.run_id),
        "path": request.path,
        "generation": request.generation,
        "workflow": request.workflow.slug,
        "version": request.version.number,
        "action": request.action,
        "digest": request.digest,
        "summary": request.summary,
        "details": request.details,
        "recommendation": request.recommendation,
        "confidence": request.confidence,
        "risk": request.risk,
        "impact": request.impact,
        "alternatives": request.alternatives,
        "deadline": _time(request.deadline_at),
        "links": request.links,
        "requested_by": request.requested_by,
        "why": request.why,
        "unusual": facts_of([request])[request.pk] if is_whole else request.unusual or [],
        "blind": request.is_blind,
        "sampled": request.is_sampled,
        "assignees": request.assignees,
        "need": need_of(request),
        "decisions": request.decisions,
        "votes": votes_shape(request, user),
        "allowed": allowed,
        "form": request.form,
        "on_timeout": request.on_timeout,
        "ladder": request.ladder,
        "escalated": request.climbed,
        "next_due": _time(request.next_due_at),
        "delegations": delegations_shape(request),
        "edits": [edit_shape(edit) for edit in request.edits.all()],
        "decided_by": f"user:{request.decided_by.username}" if request.decided_by else None,
        "decided_at": _time(request.decided_at),
        "effective_at": _time(request.effective_at),
        "closed_at": _time(request.closed_at),
        "requested_at": _time(request.requested_at),
    }


def votes_shape(request: ApprovalRequest, user: User | None) -> list[dict[str, JSON]]:
    """Give the votes that count; at critical risk the second person answers unprimed."""
    counted = votes_counted(request)
    has_answered = user is not None and any(vote.person_id == user.pk for vote in counted)
    is_open = request.state == ApprovalState.PENDING.value
    is_sealed = request.risk == "critical" and is_open and not has_answered
    return [
        {
            "by": f"user:{vote.person.username}",
            "instead_of": f"user:{vote.seat.username}" if vote.seat_id != vote.person_id else None,
            "decision": vote.decision,
            "reason": None if is_sealed else vote.reason,
            "digest": vote.digest,
            "answer": vote.answer,
            "via": vote.via,
            "own_rehearsal": vote.is_own_rehearsal,
            "at": _time(vote.at),
        }
        for vote in counted
    ]


def delegations_shape(request: ApprovalRequest) -> list[dict[str, JSON]]:
    """Give whose seat was handed to whom."""
    delegations = list(request.delegations.all())
    names = user_names(delegation.seat_id for delegation in delegations) if delegations else {}
    return [
        {"seat": f"user:{names.get(one.seat_id, '?')}", "to": one.to, "at": _time(one.at)}
        for one in delegations
    ]


def edit_shape(edit: Any) -> dict[str, JSON]:
    """Give an edit with both digests, and the arguments before and after."""
    return {
        "at": _time(edit.at),
        "digest_before": edit.digest_before,
        "digest_after": edit.digest_after,
        "before": (edit.before or {}).get("arguments"),
        "after": (edit.after or {}).get("arguments"),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
