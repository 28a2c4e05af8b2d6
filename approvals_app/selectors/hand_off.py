"""What goes along when a request is handed on: who saw it, what they did, why it moved."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F

from approvals_app.models import ApprovalRequest, SeenMark
from workflows_app.models import RunEvent, User

JSON = Any
MOVES = ("approval.delegated", "approval.escalated")


def hand_off(
    request: ApprovalRequest, user: User, record: Sequence[RunEvent]
) -> dict[str, JSON] | None:
    """Give the pack of a request that has moved; None where it is still with whom it began.

    `{moves: [{at, by, why, to}], seen: [{name, at}], edits, comments, answered}`.

    Args:
        record: the request's own, from `record_of`.
    """
    moves = [
        {
            "at": event.at,
            "by": event.actor,
            "kind": event.type.removeprefix("approval."),
            "why": event.why,
            "to": _to(event.data or {}),
        }
        for event in record
        if event.type in MOVES
    ]
    if not moves:
        return None
    seen = SeenMark.objects.filter(request=request).exclude(person=user)
    return {
        "moves": moves,
        "seen": list(seen.order_by("at").values("at", name=F("person__username"))),
        "edits": len(request.edits.all()),
        "comments": request.comments.count(),
        "answered": sum(vote.round == request.round for vote in request.votes.all()),
    }


def _to(data: dict[str, JSON]) -> str:
    names = data.get("assignees") or [data.get("to") or ""]
    return ", ".join(str(name) for name in names)
