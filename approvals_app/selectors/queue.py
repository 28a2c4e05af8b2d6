"""The queue of a person: what waits, soonest first, a page at a time."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    Count,
    Exists,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from approvals_app.core.policy import RISKS
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, Delegation, Edit, SeenMark, Vote
from approvals_app.selectors.requests import (
    approval_visible,
    decided_list,
    delegated_list,
    pending_list,
)
from approvals_app.selectors.viewer import Looker
from workflows_app.models import User

JSON = Any
SHOWN = 50  # lines of a page; further ones are asked for
SHOWN_MOST = 500
SOON = timedelta(hours=1)
TODAY = timedelta(hours=24)
CLAIM = timedelta(minutes=2)
DUE = {"soon": SOON, "today": TODAY}
VIEWS = ("mine", "teams", "delegated", "decided")
# What a line of the queue shows; all else may be megabytes and is read when it is opened.
LINE = (
    "number",
    "workspace_id",
    "step_run_id",
    "version_id",
    "summary",
    "path",
    "gate",
    "kind",
    "reason",
    "mode",
    "digest",
    "risk",
    "confidence",
    "is_blind",
    "unusual",
    "need",
    "decisions",
    "state",
    "round",
    "climbed",
    "deadline_at",
    "next_due_at",
    "requested_at",
    "closed_at",
    "workflow__name",
    "decided_by__username",
)
_RANK = Case(
    *(When(risk=level, then=Value(-place)) for place, level in enumerate(RISKS)),
    default=Value(0),
    output_field=IntegerField(),
)


def queue_list(
    *,
    user: Looker,
    view: str,
    now: datetime,
    risk: str = "",
    due: str = "",
    most: int = SHOWN,
) -> list[ApprovalRequest]:
    """Give the first requests of a tab: due first, then by risk, then by age."""
    return list(lines(queue_query(user=user, view=view, now=now, risk=risk, due=due))[:most])


def queue_query(
    *, user: Looker, view: str, now: datetime, risk: str = "", due: str = ""
) -> QuerySet[ApprovalRequest]:
    """Give the whole tab in order; what waits comes soonest first, by an index."""
    if view == "decided":
        found = decided_list(actor=user)
    elif view == "delegated":
        found = _in_order(delegated_list(actor=user))
    else:
        found = _in_order(pending_list(actor=user, mine=view == "mine"))
    if risk in RISKS:
        found = found.filter(risk=risk)
    if due in DUE and view != "decided":
        found = found.filter(next_due_at__lte=now + DUE[due])
    return found


def _in_order(rows: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    return rows.alias(rank=_RANK).order_by("next_due_at", "rank", "number")


def lines(rows: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    """Read of each request what its line shows: `votes_now`, `is_handed`, `is_edited` as well."""
    here = {"request": OuterRef("pk")}
    votes = Vote.objects.filter(**here, round=OuterRef("round"), undone__isnull=True)
    counted = votes.order_by().values("request").annotate(number=Count("pk")).values("number")
    return (
        rows.select_related("workflow", "decided_by")
        .only(*LINE)
        .annotate(
            votes_now=Coalesce(Subquery(counted), 0),
            is_handed=Exists(Delegation.objects.filter(**here)),
            is_edited=Exists(Edit.objects.filter(**here)),
            has_form=Case(When(form__isnull=True, then=Value(False)), default=Value(True)),
        )
    )


def line_get(*, user: Looker, number: int) -> ApprovalRequest | None:
    """Give the line of one request that `user` may see."""
    return lines(approval_visible(actor=user).filter(number=number)).first()


def next_number(rows: QuerySet[ApprovalRequest], answered: ApprovalRequest) -> int | None:
    """Give the request that opens next: the one behind the answered one, else the first.

    Args:
        rows: of a tab where requests wait, in its order.
    """
    due = answered.next_due_at or answered.deadline_at
    rank = -RISKS.index(answered.risk)
    behind = Q(next_due_at__gt=due) | Q(rank__gt=rank) | Q(rank=rank, number__gt=answered.number)
    numbers = rows.values_list("number", flat=True)
    found: int | None = numbers.filter(behind, next_due_at__gte=due).first()
    return found if found is not None else numbers.first()


def gone_list(*, user: Looker, numbers: Iterable[int]) -> dict[int, ApprovalRequest]:
    """Give those of these requests that somebody, or the clock, has ended meanwhile."""
    rows = approval_visible(actor=user).filter(number__in=list(numbers)[:SHOWN_MOST])
    ended = lines(rows.exclude(state=ApprovalState.PENDING.value))
    return {row.number: row for row in ended}


def looking_at(request: ApprovalRequest, *, user: User, now: datetime) -> list[str]:
    """Give who else has opened a pending request in the last two minutes: a soft claim."""
    if request.state != ApprovalState.PENDING.value:
        return []
    marks = SeenMark.objects.filter(request=request, at__gt=now - CLAIM).exclude(person=user)
    return list(marks.order_by("at").values_list("person__username", flat=True))


def claims_of(
    requests: Iterable[ApprovalRequest], *, user: User | None, now: datetime
) -> dict[UUID, str]:
    """Give by request who else looks at it now, the last one of several."""
    ids = [request.pk for request in requests]
    marks = SeenMark.objects.filter(request_id__in=ids, at__gt=now - CLAIM)
    found = marks.exclude(person=user).order_by("at")
    return dict(found.values_list("request_id", "person__username"))


def opened_by(user: User, requests: Iterable[ApprovalRequest]) -> set[int]:
    """Give the numbers of those requests that `user` has opened."""
    marks = SeenMark.objects.filter(person=user, request__in=list(requests))
    return set(marks.values_list("request__number", flat=True))
