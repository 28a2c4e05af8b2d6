"""The times of a step: the arms of its `until`, and how long what has no attempts may last."""

from datetime import datetime

from workflows_app.core.durations import duration_parse
from workflows_app.core.effects import StartTimer
from workflows_app.core.engine.draft import CLOCKS, Draft, StepDraft
from workflows_app.core.facts import TimerFired


def arms_start(draft: Draft, status: StepDraft) -> None:
    """Start the arms of `until` that are times: they run from the moment the step is ready."""
    for arm in draft.node(status).spec.get("until") or ():
        if arm.get("after"):
            _start(draft, status, f"until:{arm['port']}", arm["after"])


def limit_start(draft: Draft, status: StepDraft) -> None:
    """Start the time limit of a step that opens bodies, waits, or runs another workflow.

    It begins here and not when the step is ready: the time to answer a gate is not the step's.
    """
    node = draft.node(status)
    if node.spec.get("timeout") and not node.has_attempts:
        _start(draft, status, "timeout", node.spec["timeout"])


def _start(draft: Draft, status: StepDraft, name: str, after: str) -> None:
    fact = TimerFired(step_run=status.id, generation=status.generation, name=name)
    due_at = _due(draft, status, name, after)
    draft.effects.append(StartTimer(step_run=status.id, name=name, due_at=due_at, fact=fact))


def _due(draft: Draft, status: StepDraft, name: str, after: str) -> datetime:
    """Give when a time is over; where a body may be tried again, that is for all tries together."""
    due_at = draft.now + duration_parse(after)
    node = draft.node(status)
    if not node.spec.get("retry") or node.has_attempts:
        return due_at
    progress = status.progress or {}
    clocks = progress.get(CLOCKS) or {}
    if name in clocks:
        return datetime.fromisoformat(clocks[name])
    status.progress = {**progress, CLOCKS: {**clocks, name: due_at.isoformat()}}
    status.is_changed = True
    return due_at
