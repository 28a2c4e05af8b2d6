"""What the clock does: climb the ladder, and in the end deny or fail. It never approves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals_app.core.sla import Climb, Close, Rung, Schedule, due
from approvals_app.core.states import ApprovalState, Trigger
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.clock import DatabaseClock
from approvals_app.services import record
from approvals_app.services.announce import announce
from approvals_app.services.open import request_close
from workflows_app.core.facts import Decided

JSON = Any
AT_ONCE = 100


def deadlines_sweep(now: datetime) -> int:
    """Act on requests whose time has come, each in a transaction of its own; give how many.

    Every scheduler runs this each second: a scope that somebody holds is left for later. The
    database's clock decides, whatever the scheduler's own says.
    """
    due_now = (
        ApprovalRequest.objects.filter(
            state=ApprovalState.PENDING.value, next_due_at__lte=DatabaseClock()
        )
        .order_by("next_due_at")
        .values_list("pk", "scope_id")[:AT_ONCE]
    )
    return sum(_act(request_id, scope_id) for request_id, scope_id in list(due_now))


@transaction.atomic
def _act(request_id: UUID, scope_id: UUID) -> bool:
    if not record.scope_lock(scope_id, skip_locked=True):
        return False
    request = record.request_lock(request_id)
    if request.state != ApprovalState.PENDING.value:
        return False
    return clock_advance(request, now=record.database_now())


def schedule_of(request: ApprovalRequest) -> Schedule:
    """Give the stored times of a request; its end was fixed when it was made."""
    return Schedule(
        requested_at=request.requested_at,
        deadline=request.deadline_at - request.requested_at,
        on_timeout=request.on_timeout,  # type: ignore[arg-type]
        rungs=tuple(
            Rung(
                after=timedelta(seconds=rung["after"]),
                assignees=tuple(rung["assignees"]),
                channel=rung.get("channel") or "",
            )
            for rung in request.ladder
        ),
    )


def clock_advance(request: ApprovalRequest, *, now: datetime) -> bool:
    """Do what is due for a locked, pending request; tell whether anything was."""
    schedule = schedule_of(request)
    events = []
    while True:
        step = due(schedule, climbed=request.climbed, now=now)
        if isinstance(step, Close):
            events.append(_close(request, step.outcome, now=now))
            break
        if not isinstance(step, Climb):
            break
        why = f"nobody answered within {schedule.rungs[step.rung].after}"
        events.append(rung_climb(request, schedule, actor="engine", why=why))
    if events:
        record.history_write(request.run_id, events)
    return bool(events)


def overdue_close(request: ApprovalRequest, *, now: datetime) -> None:
    """Close a locked request past its end, where somebody came before the sweep did."""
    clock_advance(request, now=now)


def rung_climb(
    request: ApprovalRequest, schedule: Schedule, *, actor: str, why: str
) -> dict[str, JSON]:
    """Ask the next rung's people as well; gives the history event."""
    rung = schedule.rungs[request.climbed]
    request.climbed += 1
    return people_ask(request, schedule, rung.assignees, actor=actor, why=why)


def people_ask(
    request: ApprovalRequest,
    schedule: Schedule,
    assignees: tuple[str, ...],
    *,
    actor: str,
    why: str,
) -> dict[str, JSON]:
    """Ask more people; those asked before may still answer. Gives the history event."""
    request.present = list(assignees)
    request.assignees = list(dict.fromkeys([*request.assignees, *assignees]))
    request.next_due_at = schedule.due_at(request.climbed)
    request.is_told = False
    request.save(update_fields=["climbed", "present", "assignees", "next_due_at", "is_told"])
    announce([(request, "approval.escalated", {"by": actor, "why": why})])
    return record.event(
        request,
        "escalated",
        actor=actor,
        why=why,
        data={
            "rung": request.climbed,
            "of": len(schedule.rungs),
            "assignees": list(assignees),
            "next_due": request.next_due_at.isoformat(),
        },
    )


def _close(request: ApprovalRequest, outcome: str, *, now: datetime) -> dict[str, JSON]:
    why = "nobody answered in time"
    fact = Decided(
        step_run=request.step_run_id,
        generation=request.generation,
        outcome=outcome,
        by="engine",
        reason=why,
        output=_silence(request, why),
    )
    record.engine_tell(request, fact, effective_at=now, now=now)
    return request_close(request, Trigger.EXPIRE, why=why, now=now, data={"outcome": outcome})


def _silence(request: ApprovalRequest, why: str) -> JSON:
    """Give the output of a question that nobody answered."""
    answer: dict[str, JSON] = {"decision": "expired", "by": None, "reason": why}
    if request.reason == "checkpoint":
        return {**answer, "changes": None}
    if request.is_question:
        return {**answer, "arguments": None, "label": None, "output": None}
    return None
