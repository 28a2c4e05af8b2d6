"""A request that nobody may answer any more becomes an incident, not a long silence.

People leave groups while requests wait. Each scheduler walks through the pending requests a
few at a time, in a circle; where it stands is all it remembers.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from approvals_app.core.policy import Vote as Counted
from approvals_app.core.policy import can_still_be_met
from approvals_app.core.states import ApprovalState, Trigger
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory, votes_counted
from approvals_app.services import record
from approvals_app.services.open import request_close, widest_gate
from workflows_app.core.facts import Decided

AT_ONCE = 200
JUDGED = (  # what says who may answer
    "number",
    "workspace_id",
    "workflow_id",
    "scope_id",
    "mode",
    "risk",
    "need",
    "round",
    "assignees",
    "present",
    "ladder",
    "requesters",
    "starter",
)


class _Walk:
    """Where the circle stands: the last number that was looked at."""

    def __init__(self) -> None:
        self.after = 0

    def next(self) -> list[ApprovalRequest]:
        """Give the next pending requests; past the last one it begins anew."""
        waiting = ApprovalRequest.objects.filter(
            state=ApprovalState.PENDING.value, mode="live", number__gt=self.after
        )
        bare = waiting.order_by("number").only(*JUDGED)
        found = list(bare.prefetch_related("votes__undone", "delegations")[:AT_ONCE])
        self.after = found[-1].number if len(found) == AT_ONCE else 0
        return found


_WALK = _Walk()


def emptied_sweep(now: datetime) -> int:
    """Look at some pending requests; give how many became incidents."""
    directories: dict[UUID, Directory] = {}
    emptied = []
    for request in _WALK.next():
        directory = directories.setdefault(request.workspace_id, Directory(request.workspace_id))
        if not _is_answerable(request, directory):
            emptied.append((request.pk, request.scope_id))
    return sum(_give_up(request_id, scope_id) for request_id, scope_id in emptied)


def _is_answerable(request: ApprovalRequest, directory: Directory) -> bool:
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    return can_still_be_met(widest_gate(request, directory), votes)


@transaction.atomic
def _give_up(request_id: UUID, scope_id: UUID) -> bool:
    if not record.scope_lock(scope_id, skip_locked=True):
        return False
    request = record.request_lock(request_id)
    is_open = request.state == ApprovalState.PENDING.value
    if not is_open or _is_answerable(request, Directory(request.workspace_id)):
        return False
    now = record.database_now()
    why = f"Nobody may answer any more: too few people are left in {', '.join(request.assignees)}."
    fact = Decided(
        step_run=request.step_run_id,
        generation=request.generation,
        outcome="incident",
        by="engine",
        reason=why,
    )
    record.engine_tell(request, fact, effective_at=now, now=now)
    event = request_close(request, Trigger.WITHDRAW, why=why, now=now, data={"outcome": "incident"})
    record.history_write(request.run_id, [event])
    return True
