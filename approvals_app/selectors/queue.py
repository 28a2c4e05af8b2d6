"""The queue of a person: what waits, soonest first, and what of it looks alike."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from approvals_app.core import lookalike
from approvals_app.core.policy import RISKS
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, SeenMark
from approvals_app.selectors.requests import (
    approval_list,
    approval_visible,
    decided_list,
    delegated_list,
)
from approvals_app.selectors.unusual import facts_of
from workflows_app.errors import NotFound
from workflows_app.models import StepRun, User

JSON = Any
SHOWN = 100
SCANNED = 1_000  # pending requests among which the members of a batch are looked for
SOON = timedelta(hours=1)
TODAY = timedelta(hours=24)
CLAIM = timedelta(minutes=2)
DUE = {"soon": SOON, "today": TODAY}
VIEWS = ("mine", "teams", "delegated", "decided")


def queue_list(
    *, user: User, view: str, now: datetime, risk: str = "", due: str = ""
) -> list[ApprovalRequest]:
    """Give the first requests of a tab: due first, then by risk, then by age."""
    rows = list(queue_query(user=user, view=view, now=now, risk=risk, due=due)[:SHOWN])
    if view == "decided":
        return rows
    return sorted(rows, key=lambda row: (row.next_due_at, -RISKS.index(row.risk), row.number))


def queue_query(
    *, user: User, view: str, now: datetime, risk: str = "", due: str = ""
) -> QuerySet[ApprovalRequest]:
    """Give the whole tab; what waits comes soonest first, by an index."""
    if view == "decided":
        found = decided_list(actor=user)
    elif view == "delegated":
        found = delegated_list(actor=user).order_by("next_due_at", "number")
    else:
        found = approval_list(
            actor=user,
            state=ApprovalState.PENDING.value,
            mine=view == "mine",
            hides_snoozed=True,
        )
        found = found.order_by("next_due_at", "number")
    if risk in RISKS:
        found = found.filter(risk=risk)
    if due in DUE and view != "decided":
        found = found.filter(next_due_at__lte=now + DUE[due])
    return found


def gone_list(*, user: User, numbers: Iterable[int]) -> dict[int, ApprovalRequest]:
    """Give those of these requests that somebody, or the clock, has ended meanwhile."""
    rows = approval_visible(actor=user).filter(number__in=list(numbers)[:SHOWN])
    ended = rows.exclude(state=ApprovalState.PENDING.value).select_related("decided_by", "workflow")
    return {row.number: row for row in ended}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Requests that are alike: one step of one version, low risk, nothing unusual.

    Args:
        left_out: those that stand out, each with the reason.
        beyond: how many more there are than one batch holds.
    """

    key: str
    requests: Sequence[ApprovalRequest]
    left_out: Sequence[tuple[ApprovalRequest, str]]
    beyond: int = 0

    @property
    def first(self) -> ApprovalRequest:
        """Give the one that is due first."""
        return self.requests[0]


def batches_of(requests: Sequence[ApprovalRequest]) -> list[Batch]:
    """Gather pending requests that `user` may answer into batches, in the order given."""
    groups: dict[str, list[ApprovalRequest]] = defaultdict(list)
    plain = [request for request in requests if _is_plain(request)]
    facts = facts_of(plain)
    alike = [request for request in plain if not facts[request.pk]]
    final = set(
        StepRun.objects.filter(
            pk__in=[request.step_run_id for request in alike], effect="irreversible"
        ).values_list("pk", flat=True)
    )
    for request in alike:
        if request.step_run_id not in final:
            groups[key_of(request)].append(request)
    made = [_batch(key, found) for key, found in groups.items() if len(found) >= lookalike.LEAST]
    return [batch for batch in made if len(batch.requests) >= lookalike.LEAST]


def key_of(request: ApprovalRequest) -> str:
    """Give what a request has in common with its look-alikes."""
    action = request.action or {}
    return lookalike.batch_key(
        request.version_id,
        request.gate,
        request.reason,
        request.mode,
        action.get("kind"),
        action.get("tool"),
    )


def _is_plain(request: ApprovalRequest) -> bool:
    is_low = request.risk == "low" and request.reason == "approval" and request.form is None
    is_single = request.need == "1" and "approve" in request.decisions
    return is_low and is_single and not request.is_blind


def _batch(key: str, requests: Sequence[ApprovalRequest]) -> Batch:
    odd = lookalike.outliers([arguments_of(request) for request in requests])
    rest = [request for i, request in enumerate(requests) if i not in odd]
    return Batch(
        key=key,
        requests=rest[: lookalike.MOST],
        left_out=[(requests[i], why) for i, why in sorted(odd.items())],
        beyond=max(0, len(rest) - lookalike.MOST),
    )


def arguments_of(request: ApprovalRequest) -> JSON:
    """Give what would run."""
    return (request.action or {}).get("arguments")


def batch_get(*, user: User, key: str, now: datetime) -> Batch:
    """Give one batch of what `user` may answer.

    Raises:
        NotFound: fewer than three such requests wait.
    """
    rows = queue_query(user=user, view="mine", now=now, risk="low")[:SCANNED]
    found = next((batch for batch in batches_of(list(rows)) if batch.key == key), None)
    if found is None:
        raise NotFound("There is no such batch any more: too few of these requests wait.")
    return found


def looking_at(request: ApprovalRequest, *, user: User, now: datetime) -> list[str]:
    """Give who else has opened a pending request in the last two minutes: a soft claim."""
    if request.state != ApprovalState.PENDING.value:
        return []
    marks = SeenMark.objects.filter(request=request, at__gt=now - CLAIM).exclude(person=user)
    return list(marks.order_by("at").values_list("person__username", flat=True))


def claims_of(requests: Iterable[ApprovalRequest], *, user: User, now: datetime) -> dict[UUID, str]:
    """Give by request who else looks at it now, the last one of several."""
    marks = SeenMark.objects.filter(request__in=list(requests), at__gt=now - CLAIM)
    found = marks.exclude(person=user).order_by("at")
    return dict(found.values_list("request_id", "person__username"))


def opened_by(user: User, requests: Iterable[ApprovalRequest]) -> set[int]:
    """Give the numbers of those requests that `user` has opened."""
    marks = SeenMark.objects.filter(person=user, request__in=list(requests))
    return set(marks.values_list("request__number", flat=True))
