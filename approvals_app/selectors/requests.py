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
    user_names,
    votes_counted,
)
from workflows_app.errors import NotFound
from workflows_app.models import User
from workflows_app.selectors.people import Actor, Principal, principal_of_user

JSON = Any
# Megabytes that no line of a list shows; a page that does reads them when it gets there.
HEAVY = (
    "settings",
    "run__input",
    "run__output",
    "run__error",
    "run__degraded",
    "run__ending",
    "version__definition",
    "version__expanded",
    "version__pins",
    "workflow__draft",
)
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
    joined = requests.select_related("run", "workflow", "version", "decided_by")
    return joined.defer(*HEAVY).prefetch_related(SHOWN, "delegations", "edits")


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
