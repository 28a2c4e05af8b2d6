"""A leaf step that waits, holding nothing, and goes on later."""

from datetime import timedelta
from typing import Any

from workflows_app.core.effects import AskPeople, OpenWait, StartChild, StartTimer
from workflows_app.core.engine import flow
from workflows_app.core.engine.attempts import announce, attempt_end, take
from workflows_app.core.engine.clocks import limit_start
from workflows_app.core.engine.draft import GATE, Draft, StepDraft
from workflows_app.core.facts import StepHeld, StepSuspended, TimerFired
from workflows_app.core.states import StepState, Trigger, WaitReason

JSON = Any
# What a step of a waiting kind, or of another run, waits for by itself.
_OWN = (
    WaitReason.EVENT,
    WaitReason.TIMER,
    WaitReason.APPROVAL,
    WaitReason.CHECKPOINT,
    WaitReason.CHILD,
)
ASKS = (WaitReason.APPROVAL, WaitReason.REVIEW, WaitReason.CHECKPOINT, WaitReason.BUDGET)


def _was_only_looked_at(status: StepDraft) -> bool:
    """A worker had the claim and never acted: for the record the step was ready all the time."""
    return status.state is StepState.RUNNING and not status.is_announced


def suspend(
    draft: Draft,
    status: StepDraft,
    reason: WaitReason,
    *,
    until: Any = None,
    waiting: JSON = None,
    why: str = "",
    data: JSON = None,
    actor: str = "engine",
) -> None:
    """Let a step wait for `reason`, holding nothing."""
    source = "ready" if _was_only_looked_at(status) else str(status.state)
    draft.move(status, Trigger.SUSPEND)
    status.reason = reason.value
    status.waiting = dict(waiting or {})
    if until is not None:
        status.waiting["until"] = until.isoformat()
    draft.record(
        "step.waiting",
        status,
        source,
        trigger="suspend",
        actor=actor,
        why=why,
        data={"reason": reason.value, **status.waiting, **(data or {})},
    )


def incident(draft: Draft, status: StepDraft, error: JSON, *, why: str) -> None:
    """Let a step wait until a person retries, skips or fails it."""
    status.error, status.has_error = error, True
    suspend(draft, status, WaitReason.INCIDENT, why=why, data={"error": error})


def retry_later(
    draft: Draft, status: StepDraft, delay: timedelta, error: JSON, *, why: str
) -> None:
    """Let a step whose attempt failed wait until the next one is due."""
    due_at = draft.now + delay
    status.error, status.has_error = error, True
    data = {"attempt": status.attempt, "error": error}
    suspend(draft, status, WaitReason.RETRY, until=due_at, why=why, data=data)
    fact = TimerFired(
        step_run=status.id,
        generation=status.generation,
        name="retry",
        attempt=status.attempt,
    )
    draft.effects.append(StartTimer(step_run=status.id, name="wait", due_at=due_at, fact=fact))


def resume(draft: Draft, status: StepDraft, *, why: str = "", actor: str = "engine") -> None:
    """Let a worker take a waiting step again."""
    source = draft.move(status, Trigger.RESUME)
    status.is_announced = False
    draft.ready(status, source=source, why=why, actor=actor)


def on_suspended(draft: Draft, status: StepDraft, fact: StepSuspended) -> None:
    take(draft, status, fact)
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    reason = WaitReason(fact.reason)
    is_own = reason in _OWN and not draft.node(status).has_attempts
    is_own = is_own and not (fact.waiting or {}).get(GATE)
    if fact.details is not None:
        announce(draft, status, fact.actor)
        attempt_end(draft, status, fact, "suspended")
    else:
        if not is_own:  # nothing was tried yet: the next claim is the first attempt again
            status.attempt = max(status.attempt - 1, 0)
        status.is_announced = False
    until = fact.until
    if fact.after is not None:
        until = draft.now + timedelta(seconds=fact.after)
    suspend(
        draft, status, reason, until=until, waiting=fact.waiting, why=fact.why, actor=fact.actor
    )
    if until is not None:
        timer = TimerFired(step_run=status.id, generation=status.generation, name=reason.value)
        draft.effects.append(StartTimer(step_run=status.id, name="wait", due_at=until, fact=timer))
    if is_own:
        limit_start(draft, status)
    asks = reason in ASKS
    if asks and fact.request is not None:
        draft.effects.append(
            AskPeople(
                step_run=status.id,
                path=status.path,
                generation=status.generation,
                reason=reason.value,
                action=fact.action,
                digest=fact.digest or "",
                settings=fact.request,
                why=fact.why,
            )
        )
    elif reason is WaitReason.EVENT:
        draft.effects.append(
            OpenWait(
                step_run=status.id,
                path=status.path,
                generation=status.generation,
                request=fact.request,
            )
        )
    elif reason is WaitReason.CHILD:
        draft.effects.append(
            StartChild(
                step_run=status.id,
                path=status.path,
                generation=status.generation,
                request=fact.request,
            )
        )


def on_held(draft: Draft, status: StepDraft, fact: StepHeld) -> None:
    """Give a claim back unused."""
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    status.attempt = max(status.attempt - 1, 0)
    draft.move(status, Trigger.RELEASE)
    status.is_changed = True
