"""Running part of a scope again: old results are closed and kept, new ones get a new generation."""

from uuid import UUID

from workflows_app.core.effects import (
    CancelChild,
    CancelScopes,
    CloseWaits,
    DropPending,
    DropTimers,
)
from workflows_app.core.engine import flow
from workflows_app.core.engine.clocks import arms_start, limit_start
from workflows_app.core.engine.draft import (
    CLOCKS,
    ENDED,
    PORT,
    TOLD,
    Draft,
    StepDraft,
)
from workflows_app.core.states import ScopeState, StepState, Trigger, WaitReason


def supersede_one(draft: Draft, status: StepDraft, *, actor: str, why: str) -> StepDraft:
    """Close one generation of a step and give it a new row, not yet announced."""
    _close(draft, status, actor=actor, why=why)
    fresh = draft.add(status.step)
    fresh.generation = status.generation + 1
    return fresh


def _close(draft: Draft, status: StepDraft, *, actor: str, why: str) -> None:
    draft.drop_waits(status, why)
    draft.effects.append(DropTimers(step_run=status.id))
    if (
        status.reason == WaitReason.EVENT
        or draft.node(status).spec.get("until")
        or (status.progress or {}).get("more")
    ):
        draft.effects.append(CloseWaits(step_run=status.id))
    if status.is_container or (status.progress and "total" in status.progress):
        draft.effects.append(DropPending(container=status.id))
        draft.effects.append(CancelScopes(container=status.id, why=why, actor=actor))
    if status.reason == WaitReason.CHILD:
        draft.effects.append(CancelChild(step_run=status.id, why=why, actor=actor))
    source = str(status.state)
    if status.is_open:
        status.state = StepState.CANCELLED
        status.reason = status.waiting = status.token = None
        status.is_container = status.is_held = status.is_cancelling = False
        status.finished_at = draft.now
    status.is_superseded = True
    status.is_changed = True
    draft.record("step.superseded", status, source, trigger="supersede", actor=actor, why=why)
    draft.generations[status.path] = status.generation + 1
    draft.superseded.append(status)
    draft.reverting.pop(status.step, None)
    del draft.steps[status.step]


def supersede_after(draft: Draft, step: str, *, actor: str, why: str) -> None:
    """Close everything that follows `step` in this scope."""
    for name in draft.graph.after(step):
        status = draft.steps.get(name)
        if status is not None:
            _close(draft, status, actor=actor, why=why)


def reopen(draft: Draft) -> None:
    """Open a scope that had ended or was closing; steps that its closing cut off run again."""
    draft.state = ScopeState.OPEN
    draft.closing = None
    draft.is_changed = True


def restart_from(draft: Draft, step: str, *, actor: str, why: str) -> StepDraft:
    """Run `step` anew, and later what follows it; steps that never ended well run as well."""
    reopen(draft)
    supersede_after(draft, step, actor=actor, why=why)
    status = draft.steps.get(step)
    fresh = supersede_one(draft, status, actor=actor, why=why) if status else draft.add(step)
    draft.ready(fresh, why=why, actor=actor)
    arms_start(draft, fresh)
    _restart_cut_off(draft, actor=actor, why=why)
    return fresh


def _restart_cut_off(draft: Draft, *, actor: str, why: str) -> None:
    """Steps that were cancelled when the scope failed are settled anew."""
    for name in draft.graph.order:
        status = draft.steps.get(name)
        if status is not None and status.state is StepState.CANCELLED and status.port is None:
            supersede_after(draft, name, actor=actor, why=why)
            _close(draft, status, actor=actor, why=why)
    flow.start_ready(draft, draft.graph.order)


def continue_container(draft: Draft, container: UUID, *, actor: str, why: str) -> None:
    """A step inside this container runs again: the container is open once more."""
    status = draft.by_id[container]
    reopen(draft)
    supersede_after(draft, status.step, actor=actor, why=why)
    if not status.is_container:
        source = draft.move(status, Trigger.REOPEN)
        status.is_container = True
        status.port = None
        status.is_degraded = status.is_cancelling = False
        status.finished_at = None
        status.error, status.has_error = None, True
        over = (ENDED, TOLD, PORT, CLOCKS)
        status.progress = {k: v for k, v in (status.progress or {}).items() if k not in over}
        draft.record("step.started", status, source, trigger="reopen", actor=actor, why=why)
        arms_start(draft, status)  # like the run, it has the whole of its time again
        limit_start(draft, status)
    _restart_cut_off(draft, actor=actor, why=why)
