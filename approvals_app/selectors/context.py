"""What surrounds a request on its page: its run, its record, and how people decided before."""

from datetime import datetime, timedelta
from statistics import median
from typing import Any

from django.db.models import Q

from approvals_app.core.states import DECIDED, ApprovalState
from approvals_app.models import ApprovalRequest, Vote
from workflows_app.models import RunEvent, StepRun, User

JSON = Any
NEARBY = 0.05  # of confidence: what counts as "at this level"
ENOUGH = 5  # decisions before a share means anything
STEPS_SHOWN = 12
OWN_MOST = 500  # answers, the newest


def run_steps(request: ApprovalRequest) -> list[dict[str, JSON]]:
    """Give the steps of the request's scope as `{step, state, reason, is_here}`, in order."""
    rows = StepRun.objects.filter(scope_id=request.scope_id, is_current=True).order_by("pk")
    shown = [
        {
            "step": row.step,
            "state": row.state,
            "reason": row.reason,
            "is_here": row.pk == request.step_run_id,
        }
        for row in rows.only("step", "state", "reason", "pk")[:STEPS_SHOWN]
    ]
    started = {row["step"] for row in shown}
    body = request.version.expanded if request.path.count(".") == 0 else {}
    later = [step["id"] for step in body.get("steps") or () if step["id"] not in started]
    return shown + [
        {"step": step, "state": "pending", "reason": None, "is_here": False}
        for step in later[: STEPS_SHOWN - len(shown)]
    ]


def record_of(request: ApprovalRequest) -> list[RunEvent]:
    """Give the history events of the request, in order."""
    events = RunEvent.objects.filter(
        run_id=request.run_id, path=request.path, type__startswith="approval."
    ).order_by("sequence")
    return [event for event in events if (event.data or {}).get("approval") == str(request.pk)]


def confidence_record(request: ApprovalRequest) -> dict[str, JSON] | None:
    """Give how often people agreed with this gate at this confidence: `{share, of}`."""
    if request.confidence is None:
        return None
    decided = ApprovalRequest.objects.filter(
        workflow_id=request.workflow_id,
        gate=request.gate,
        mode="live",
        confidence__range=(request.confidence - NEARBY, request.confidence + NEARBY),
        state__in=DECIDED,
    )
    total = decided.count()
    if total < ENOUGH:
        return {"share": None, "of": total}
    agreed = decided.filter(state=ApprovalState.APPROVED.value, edits__isnull=True).count()
    return {"share": round(100 * agreed / total), "of": total}


def own_record(request: ApprovalRequest, user: User, now: datetime) -> dict[str, JSON]:
    """Give how `user` answered this gate in 30 days: counts, and the median time."""
    votes = Vote.objects.filter(
        person=user,
        request__workflow_id=request.workflow_id,
        request__gate=request.gate,
        at__gte=now - timedelta(days=30),
        undone__isnull=True,
    ).order_by("-pk")
    rows = list(votes.values_list("decision", "edit", "at", "request__requested_at")[:OWN_MOST])
    decisions = [decision for decision, _, _, _ in rows]
    edited = sum(edit is not None for _, edit, _, _ in rows)
    times = [(at - asked).total_seconds() for _, _, at, asked in rows]
    return {
        "total": len(rows),
        "approved": sum(one in ("approve", "change") for one in decisions) - edited,
        "edited": edited,
        "rejected": decisions.count("reject"),
        "median": timedelta(seconds=median(times)) if times else None,
    }


def similar_list(request: ApprovalRequest) -> list[ApprovalRequest]:
    """Give the newest decisions at the same gate."""
    same = Q(workflow_id=request.workflow_id, gate=request.gate) & ~Q(pk=request.pk)
    closed = ApprovalRequest.objects.filter(same, state__in=DECIDED)
    return list(closed.select_related("decided_by").order_by("-number")[:5])
