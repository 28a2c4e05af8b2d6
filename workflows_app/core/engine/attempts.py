"""What every answer of a worker leaves: the start in the history, the attempt, what it carried."""

from datetime import datetime
from typing import Any

from workflows_app.core.engine.draft import TOLD, Draft, StepDraft
from workflows_app.core.facts import WorkerFact

JSON = Any


def announce(draft: Draft, status: StepDraft, actor: str) -> None:
    """Write the start of the attempt, where it is not in the history yet."""
    if status.is_announced:
        return
    status.is_announced = True
    status.is_changed = True
    draft.record(
        "step.started",
        status,
        "ready",
        trigger="claim",
        actor=actor,
        data={"attempt": status.attempt},
        at=status.started_at,
    )


def take(draft: Draft, status: StepDraft, fact: WorkerFact) -> None:
    """Keep what every answer of a worker carries."""
    status.is_changed = True
    began = ((status.progress or {}).get(TOLD) or {}).get("began")
    if began is not None:  # a worker only looks at what came of it
        status.started_at = datetime.fromisoformat(began)
    status.effect = fact.effect
    status.usage = fact.usage
    if fact.input is not None:
        status.input, status.has_input = fact.input, True


def attempt_end(
    draft: Draft, status: StepDraft, fact: WorkerFact, outcome: str, error: JSON = None
) -> None:
    """Record the attempt that the worker made, and each check that tripped in it."""
    for trip in (fact.details or {}).get("guardrails", ()):
        draft.record(
            "guardrail.tripped",
            status,
            str(status.state),
            why=str(trip["saw"] or ""),
            data={**trip, "at": "value"},
        )
    status.attempts.append(
        {
            "number": status.attempt,
            "worker": fact.actor,
            "started_at": status.started_at or draft.now,
            "ended_at": draft.now,
            "outcome": outcome,
            "error": error,
            "details": fact.details,
        }
    )
