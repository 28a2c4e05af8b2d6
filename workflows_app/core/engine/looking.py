"""Looking at what came of a step that no worker carried out: a body's result, an event, an answer.

The values that this needs (a review's condition, a guardrail, the arguments of an undo) are not
known under the lock. So the step is ready once more, with its result, and a worker that claims
it only looks: it says whom to ask, what was refused, and what would reverse it.
"""

from typing import Any

from workflows_app.core.effects import DropUndo
from workflows_app.core.engine.draft import ENDED, TOLD, Draft, StepDraft
from workflows_app.core.graph import FATAL_PORTS
from workflows_app.core.states import StepState, Trigger, WaitReason

JSON = Any


def is_to_be_looked_at(draft: Draft, status: StepDraft, port: str) -> bool:
    """Tell whether a worker is to look at what came of a step before it ends through `port`."""
    node = draft.node(status)
    if not node.is_looked_at or draft.kind == "undo" or status.is_cancelling:
        return False
    if node.kind.primitive == "wait":
        return status.state is StepState.WAITING and port not in FATAL_PORTS
    return status.is_container or status.reason == WaitReason.CHILD


def look_at(draft: Draft, status: StepDraft, port: str, output: JSON, told: JSON) -> None:
    """Let a worker claim the step once more: it knows the values.

    Args:
        told: who or what ended it, for the record of its end: {"trigger", "actor", "why"}.
    """
    is_waiting = status.state is StepState.WAITING
    source = draft.move(status, Trigger.RESUME if is_waiting else Trigger.RELEASE)
    draft.body_timers_drop(status)
    status.is_container, status.reason, status.token = False, None, None
    status.output, status.has_output = output, True
    began = status.started_at.isoformat() if status.started_at is not None else None
    told = {**told, "began": began}
    status.progress = {**(status.progress or {}), ENDED: port, TOLD: told}
    status.attempt = max(status.attempt - 1, 0)  # looking is no attempt of its own
    what = "what it waited for has come" if is_waiting else "its body has ended"
    draft.ready(status, source=source, why=f"{what}: what it gave is looked at")


def own_undo_drop(draft: Draft, status: StepDraft) -> None:
    """Forget the undo of a step that did not end well, where that is not a call of its own.

    What its inside did has undos of its own; of a call nobody may know whether it happened.
    """
    node = draft.node(status)
    if node.spec.get("undo") and not node.has_attempts:
        draft.effects.append(DropUndo(step_run=status.id))
