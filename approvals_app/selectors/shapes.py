"""Requests as the API and the pages show them."""

from datetime import datetime
from typing import Any

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory, need_of, user_names, votes_counted
from approvals_app.selectors.requests import actions_allowed
from approvals_app.selectors.unusual import facts_of
from workflows_app.models import User

JSON = Any


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
