"""What a worker says of a leaf step: it ended, failed, waits, or never answered."""

from datetime import timedelta
from typing import Any

from workflows_app.core.effects import (
    AskPeople,
    DropUndo,
    OpenWait,
    StartChild,
    StartTimer,
    UndoNow,
)
from workflows_app.core.engine import flow
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.facts import (
    StepFailed,
    StepHeld,
    StepLost,
    StepSkipped,
    StepSucceeded,
    StepSuspended,
    TimerFired,
    WorkerFact,
)
from workflows_app.core.retry import retry_delay, retry_policy
from workflows_app.core.states import StepState, Trigger, WaitReason

JSON = Any


ASKS = (WaitReason.APPROVAL, WaitReason.REVIEW, WaitReason.CHECKPOINT, WaitReason.BUDGET)


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
    status.effect = fact.effect
    status.usage = fact.usage
    if fact.input is not None:
        status.input, status.has_input = fact.input, True


def attempt_end(
    draft: Draft, status: StepDraft, fact: WorkerFact, outcome: str, error: JSON = None
) -> None:
    """Record the attempt that the worker made."""
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


def on_succeeded(draft: Draft, status: StepDraft, fact: StepSucceeded) -> None:
    take(draft, status, fact)
    announce(draft, status, fact.actor)
    attempt_end(draft, status, fact, "succeeded")
    status.undo = fact.undo
    if status.is_cancelling:
        _finish_cancelled(draft, status, fact)
        return
    if fact.review is not None:
        _review(draft, status, fact)
        return
    flow.succeed(
        draft,
        status,
        fact.port,
        output=fact.output,
        trigger="succeed",
        actor=fact.actor,
        why=fact.why,
        data=fact.data,
    )


def _review(draft: Draft, status: StepDraft, fact: StepSucceeded) -> None:
    """The step has acted: people look at it, and only in parallel does the scope go on."""
    review = fact.review or {}
    status.output, status.has_output = fact.output, True
    suspend(draft, status, WaitReason.REVIEW, why=review["why"], actor=fact.actor)
    draft.effects.append(
        AskPeople(
            step_run=status.id,
            path=status.path,
            generation=status.generation,
            reason=WaitReason.REVIEW.value,
            action=review["action"],
            digest=review["digest"],
            settings=review["settings"],
            why=review["why"],
        )
    )
    if review["mode"] == "parallel":
        status.port = fact.port
        flow.start_ready(draft, tuple(draft.node(status).targets))


def _finish_cancelled(draft: Draft, status: StepDraft, fact: StepSucceeded) -> None:
    """It acted after its cancel was asked: recorded, no port, and undone where that is possible."""
    status.output, status.has_output = fact.output, True
    why = "it ended after the cancel"
    if flow.until_port(draft, status) is not None:  # an arm was first: its port stands
        flow.cancelled(draft, status, why=why, actor=fact.actor)
    else:
        source = draft.move(status, Trigger.SUCCEED)
        status.is_cancelling = False
        flow.settle(draft, status, None, source=source, actor=fact.actor, why=why)
    draft.effects.append(UndoNow(step_run=status.id))


def on_skipped(draft: Draft, status: StepDraft, fact: StepSkipped) -> None:
    take(draft, status, fact)
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    flow.skip(draft, status, why=fact.why)


def on_failed(draft: Draft, status: StepDraft, fact: StepFailed) -> None:
    take(draft, status, fact)
    announce(draft, status, fact.actor)
    error = {"code": fact.code, "message": fact.message}
    attempt_end(draft, status, fact, "failed", error)
    if status.is_cancelling:
        why = f"cancelled; its call ended with {fact.code}"
        flow.cancelled(draft, status, why=why, data={"unknown": fact.outcome_unknown})
        return
    if fact.outcome_unknown and not fact.is_idempotent:
        incident(draft, status, error, why=f"nobody knows whether it happened: {fact.message}")
        return
    delay = _delay(draft, status, fact) if fact.retryable else None
    if delay is None and draft.kind == "undo":
        incident(draft, status, error, why=f"the undo failed: {fact.message}")
    elif delay is None:
        if fact.undo is not None:
            status.undo, status.has_output = fact.undo, True
            draft.effects.append(UndoNow(step_run=status.id))
        elif not fact.outcome_unknown:
            draft.effects.append(DropUndo(step_run=status.id))
        flow.fail(
            draft,
            status,
            fact.code,
            fact.message,
            port=fact.port,
            timed_out=fact.timed_out,
            actor=fact.actor,
            output=fact.output,
        )
    else:
        _retry_later(draft, status, delay, error)


def _delay(draft: Draft, status: StepDraft, fact: StepFailed) -> timedelta | None:
    policy = retry_policy(draft.node(status).spec.get("retry"), is_idempotent=fact.is_idempotent)
    retry_after = timedelta(seconds=fact.retry_after) if fact.retry_after else None
    return retry_delay(
        policy, attempt=status.attempt, fraction=fact.fraction, retry_after=retry_after
    )


def _retry_later(draft: Draft, status: StepDraft, delay: timedelta, error: JSON) -> None:
    due_at = draft.now + delay
    status.error, status.has_error = error, True
    suspend(
        draft,
        status,
        WaitReason.RETRY,
        until=due_at,
        why=f"attempt {status.attempt} failed: {error['message']}",
        data={"attempt": status.attempt, "error": error},
    )
    fact = TimerFired(
        step_run=status.id,
        generation=status.generation,
        name="retry",
        attempt=status.attempt,
    )
    draft.effects.append(StartTimer(step_run=status.id, name="wait", due_at=due_at, fact=fact))


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


def on_suspended(draft: Draft, status: StepDraft, fact: StepSuspended) -> None:
    take(draft, status, fact)
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    reason = WaitReason(fact.reason)
    if fact.details is not None:
        announce(draft, status, fact.actor)
        attempt_end(draft, status, fact, "suspended")
    else:  # nothing was tried yet: the next claim is the first attempt again
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


def on_lost(draft: Draft, status: StepDraft, fact: StepLost) -> None:
    """A lease ran out: its attempt counts, and where the outcome matters a person decides."""
    announce(draft, status, "engine")
    error = {"code": "lease_expired", "message": "the worker stopped before it answered"}
    status.attempts.append(
        {
            "number": status.attempt,
            "worker": "",
            "started_at": status.started_at or draft.now,
            "ended_at": draft.now,
            "outcome": "lost",
            "error": error,
            "details": None,
        }
    )
    if status.is_cancelling:
        flow.cancelled(
            draft, status, why="it never answered after the cancel", data={"unknown": True}
        )
        return
    policy = retry_policy(draft.node(status).spec.get("retry"), is_idempotent=fact.is_idempotent)
    if not fact.is_idempotent:
        incident(draft, status, error, why="the worker stopped: nobody knows whether it happened")
    elif status.attempt >= policy.attempts:
        incident(draft, status, error, why=f"no answer in {status.attempt} attempts")
    else:
        source = draft.move(status, Trigger.RELEASE)
        status.is_announced = False
        draft.ready(status, source=source, why=error["message"])


def resume(draft: Draft, status: StepDraft, *, why: str = "", actor: str = "engine") -> None:
    """Let a worker take a waiting step again."""
    source = draft.move(status, Trigger.RESUME)
    status.is_announced = False
    draft.ready(status, source=source, why=why, actor=actor)
