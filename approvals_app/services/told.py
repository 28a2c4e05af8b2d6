"""What the engine, and whoever came too late, are told of an answer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from approvals_app.core.answers import Answer
from approvals_app.models import ApprovalRequest, Vote
from workflows_app.core.facts import Decided
from workflows_app.services.changes import changes_expanded

JSON = Any


def decided_fact(request: ApprovalRequest, answer: Answer, by: str) -> Decided:
    """Give what the engine is told of an answer that settled a request."""
    # An edit begins a round of its own.
    is_edited = request.round > 1 and request.edits.filter(vote__round=request.round).exists()
    arguments = (request.action or {}).get("arguments") if is_edited else None
    return Decided(
        step_run=request.step_run_id,
        generation=request.generation,
        outcome=_outcome(request, answer),
        by=by,
        reason=answer.reason,
        digest=request.digest,
        arguments=arguments,
        output=_output(request, answer, by, arguments),
        changes=_changes(request, answer),
    )


def _changes(request: ApprovalRequest, answer: Answer) -> JSON:
    """Give a changed plan with its steps as the engine runs them; what was asked is kept beside."""
    if not answer.changes:
        return answer.changes
    sets = answer.changes.get("set") or {}
    made = changes_expanded(request.version, request.scope, sets)
    return {**answer.changes, "steps": made} if made else answer.changes


def _outcome(request: ApprovalRequest, answer: Answer) -> str:
    if request.reason == "checkpoint":
        return {"reject": "stopped", "change": "changed"}.get(answer.decision, "approved")
    return {"reject": "rejected", "take_over": "taken_over"}.get(answer.decision, "approved")


def _output(request: ApprovalRequest, answer: Answer, by: str, arguments: JSON) -> JSON:
    """Give the answer as the output of the step that asked, or what was supplied for a gate."""
    if request.reason == "checkpoint":
        return {
            "decision": answer.decision,
            "by": by,
            "reason": answer.reason,
            "changes": answer.changes,
        }
    if request.is_question:
        return {
            "decision": answer.decision,
            "by": by,
            "reason": answer.reason,
            "arguments": arguments if arguments is not None else answer.arguments,
            "label": answer.label,
            "output": answer.output,
        }
    if request.reason == "review":
        return arguments if arguments is not None else answer.output
    return answer.output if answer.decision == "take_over" else None


def vote_shape(vote: Vote) -> dict[str, JSON]:
    """Give who answered what, and when."""
    return {
        "by": f"user:{vote.person.username}",
        "at": vote.at.isoformat(),
        "decision": vote.decision,
    }


def sealed(
    request: ApprovalRequest, votes: Sequence[Vote], vote: Vote, *, is_final: bool
) -> tuple[str, dict[str, JSON]]:
    """Give the reason and the further data that the record says of an answer at once.

    At critical risk the reason of the first stays out of it until the second has answered,
    because whoever is still to answer reads the record too; then it is written with theirs.
    """
    data: dict[str, JSON] = {"blind": True} if request.is_blind else {}
    if request.risk != "critical":
        return vote.reason, data
    if not is_final:
        return "", {**data, "reason_sealed": True}
    return vote.reason, {**data, **unsealed(one for one in votes if one.pk != vote.pk)}


def unsealed(votes: Iterable[Vote]) -> dict[str, JSON]:
    """Give the answers whose reasons were sealed, for the event that ends a request."""
    told = [{**vote_shape(vote), "reason": vote.reason} for vote in votes]
    return {"earlier": told} if told else {}


def decided_told(vote: Vote, effective_at: datetime) -> dict[str, JSON]:
    """Give what subscribers are told of the answer that settled a request."""
    return {
        "by": f"user:{vote.person.username}",
        "decision": vote.decision,
        "reason": vote.reason,
        "effective_at": effective_at.isoformat().replace("+00:00", "Z"),
    }


def decided_shape(request: ApprovalRequest) -> dict[str, JSON]:
    """Give who ended a request, and when; the clock and the engine have no name."""
    if request.decided_by is None or request.decided_at is None:
        closed_at = request.closed_at.isoformat() if request.closed_at else None
        return {"by": "engine", "at": closed_at, "decision": request.state}
    vote = (
        request.votes.filter(person=request.decided_by, is_decisive=True, undone__isnull=True)
        .select_related("person")
        .last()
    )
    return {
        "by": f"user:{request.decided_by.username}",
        "at": request.decided_at.isoformat(),
        "decision": vote.decision if vote else request.state,
    }
