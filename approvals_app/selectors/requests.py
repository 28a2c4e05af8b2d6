"""Requests that a person may see, and what they show of themselves."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from approvals_app.core.policy import Gate, Person, Refusal, seat_for
from approvals_app.core.policy import Vote as Counted
from approvals_app.core.states import DECIDED, ApprovalState
from approvals_app.models import ApprovalRequest, Delegation, Snooze, Vote
from approvals_app.selectors.people import (
    SHOWN,
    Directory,
    gate_of,
    user_names,
    votes_counted,
)
from approvals_app.selectors.viewer import Looker, Viewer, viewer_of
from workflows_app.errors import NotFound
from workflows_app.models import User

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
# Of a request that is answered: what the answer is not read by.
UNREAD = (
    "details",
    "recommendation",
    "impact",
    "alternatives",
    "links",
    "ladder",
    "unusual",
    "why",
)
type Statement = tuple[str, tuple[Any, ...]]
COUNTING_MOST = 500  # ways of looking whose statement is kept
_COUNTING: dict[object, Statement] = {}
COUNTED = 1_000  # of a tab; a larger number says "so many and more"


def approval_visible(*, actor: Looker) -> QuerySet[ApprovalRequest]:
    """Give what `actor` may see: all in a workspace they read, else where they were asked."""
    viewer = viewer_of(actor)
    visible = Q(workspace_id__in=viewer.reads)
    for workspace_id in viewer.workspace_ids - viewer.reads:
        visible |= Q(workspace_id=workspace_id) & _asked(viewer, workspace_id)
    return ApprovalRequest.objects.filter(visible)


def _asked(viewer: Viewer, workspace_id: UUID) -> Q:
    names = sorted(viewer.names[workspace_id])
    handed = Delegation.objects.filter(request=OuterRef("pk"), to__in=names)
    asked = Q(assignees__overlap=names) | Q(Exists(handed))
    for cover, theirs in viewer.covers if names else ():
        if cover.workspace_id != workspace_id:
            continue
        covered = Q(assignees__overlap=sorted(theirs))
        if cover.workflow_id is not None:
            covered &= Q(workflow_id=cover.workflow_id)
        asked |= covered if cover.includes_critical else covered & ~Q(risk="critical")
    return asked


def approval_get(*, approval_id: UUID | int, actor: Looker) -> ApprovalRequest:
    """Give one request by its id or its number, with all that its page shows.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    key = {"number": approval_id} if isinstance(approval_id, int) else {"pk": approval_id}
    request = _with_parts(approval_visible(actor=actor)).filter(**key).first()
    if request is None:
        raise NotFound("There is no such approval request.")
    return request


def approval_find(*, number: int, actor: Looker) -> ApprovalRequest:
    """Give a request as far as its answer has to be understood; the service reads it whole.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = approval_visible(actor=actor).filter(number=number).defer(*UNREAD).first()
    if found is None:
        raise NotFound("There is no such approval request.")
    return found


def approval_list(
    *,
    actor: Looker,
    state: str | None = None,
    mine: bool = False,
    run: UUID | None = None,
) -> QuerySet[ApprovalRequest]:
    """Give the requests that `actor` may see, newest first.

    Args:
        mine: only those that `actor` was asked to answer, and, while one is pending, may.
    """
    viewer = viewer_of(actor)
    requests = _with_parts(approval_visible(actor=viewer))
    if state:
        requests = requests.filter(state=state)
    if run:
        requests = requests.filter(run_id=run)
    if mine:
        requests = requests.filter(_mine(viewer))
    return requests.order_by("-number")


def _mine(actor: Looker, *, hides_snoozed: bool = False) -> Q:
    viewer = viewer_of(actor)
    user = viewer.user
    if user is None:
        return Q(pk__in=())
    asked = Q(pk__in=())
    for workspace_id in viewer.workspace_ids:
        asked |= Q(workspace_id=workspace_id) & _asked(viewer, workspace_id)
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


def inbox_counts(*, actor: Looker) -> dict[str, int]:
    """Give how many requests each tab of the inbox holds; none is counted beyond `COUNTED`."""
    viewer = viewer_of(actor)
    return _counted(viewer, ("mine", "teams", "delegated"))


def waiting_count(*, actor: Looker) -> int:
    """Give how many requests wait for `actor`, counted up to `COUNTED`."""
    return _counted(viewer_of(actor), ("mine",))["mine"]


def _counted(viewer: Viewer, tabs: tuple[str, ...]) -> dict[str, int]:
    """Count tabs in one statement, which is made once for whoever looks in the same way."""
    with connection.cursor() as cursor:
        cursor.execute(*_counting(viewer, tabs))
        return dict(zip(tabs, cursor.fetchone(), strict=True))


def _counting(viewer: Viewer, tabs: tuple[str, ...]) -> Statement:
    key = (viewer.key, tabs)
    made = _COUNTING.get(key)
    if made is None:
        if len(_COUNTING) >= COUNTING_MOST:
            _COUNTING.clear()
        made = _COUNTING[key] = _counting_make(viewer, tabs)
    return made


def _counting_make(viewer: Viewer, tabs: tuple[str, ...]) -> Statement:
    pending = pending_list(actor=viewer)
    rows = {
        "mine": lambda: pending_list(actor=viewer, mine=True),
        "teams": lambda: pending,
        "delegated": lambda: pending.filter(_handed(viewer)),
    }
    parts: list[str] = []
    given: list[Any] = []
    for tab in tabs:
        try:
            found = rows[tab]().order_by().values("pk")[:COUNTED]
            statement, parameters = found.query.sql_with_params()
        except EmptyResultSet:  # who belongs nowhere sees nothing
            parts.append("0")
            continue
        parts.append(f"(SELECT count(*) FROM ({statement}) AS {tab})")  # noqa: S608 the ORM's
        given += parameters
    return f"SELECT {', '.join(parts)}", tuple(given)


def pending_list(*, actor: Looker, mine: bool = False) -> QuerySet[ApprovalRequest]:
    """Give what is pending and `actor` may see, bare: as a queue reads it.

    Args:
        mine: only what `actor` may answer, has not, and does not want to see later.
    """
    viewer = viewer_of(actor)
    pending = approval_visible(actor=viewer).filter(state=ApprovalState.PENDING.value)
    return pending.filter(_mine(viewer, hides_snoozed=True)) if mine else pending


def _handed(viewer: Viewer) -> Q:
    return Q(Exists(Delegation.objects.filter(request=OuterRef("pk"), seat=viewer.user)))


def delegated_list(*, actor: Looker) -> QuerySet[ApprovalRequest]:
    """Give the pending requests that `actor` handed on."""
    viewer = viewer_of(actor)
    return pending_list(actor=viewer).filter(_handed(viewer))


def decided_list(*, actor: Looker) -> QuerySet[ApprovalRequest]:
    """Give what is not pending any more, newest first."""
    requests = approval_visible(actor=actor).exclude(state=ApprovalState.PENDING.value)
    return requests.order_by("-closed_at", "-number")


def decided_today(viewer: Viewer, now: datetime) -> int:
    """Give how many requests a person has settled since midnight."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return ApprovalRequest.objects.filter(
        decided_by=viewer.user, effective_at__gte=midnight, decided_at__gte=midnight
    ).count()


def undoable(*, actor: Looker, now: datetime) -> ApprovalRequest | None:
    """Give the newest decision of `actor` that can still be taken back."""
    viewer = viewer_of(actor)
    own = ApprovalRequest.objects.filter(
        decided_by=viewer.user, effective_at__gt=now, workspace_id__in=viewer.workspace_ids
    )
    return own.only("number", "state", "effective_at").order_by("-decided_at").first()


def actions_allowed(
    request: ApprovalRequest,
    user: User | None,
    now: datetime,
    directory: Directory | None = None,
    *,
    gate: Gate | None = None,
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
    seat = _seat_of(request, user, gate or gate_of(request, directory))
    if seat is Refusal.ANSWERED:
        return ["escalate"]
    return [] if isinstance(seat, Refusal) else [*request.decisions, "delegate", "escalate"]


def answers_for(request: ApprovalRequest, user: User, gate: Gate) -> str | None:
    """Give in whose place `user` would answer, or None where in their own."""
    seat = _seat_of(request, user, gate)
    if isinstance(seat, Refusal) or seat == user.pk:
        return None
    return user_names([seat]).get(seat)


def refusal_of(request: ApprovalRequest, user: User, gate: Gate) -> Refusal | None:
    """Tell why `user` may not answer, or None where they may."""
    seat = _seat_of(request, user, gate)
    return seat if isinstance(seat, Refusal) else None


def _seat_of(request: ApprovalRequest, user: User, gate: Gate) -> Person | Refusal:
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    return seat_for(gate, user.pk, votes)
