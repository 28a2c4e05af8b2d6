"""What a worker says of a leaf step: it ended, failed, or never answered."""

from datetime import timedelta
from typing import Any

from workflows_app.core.effects import AskPeople, Degraded, DropUndo
from workflows_app.core.engine import flow, revert
from workflows_app.core.engine.attempts import announce, attempt_end, take
from workflows_app.core.engine.draft import ENDED, PORT, TOLD, UNKNOWN, Draft, StepDraft
from workflows_app.core.engine.suspending import incident, retry_later, suspend
from workflows_app.core.facts import StepFailed, StepLost, StepSkipped, StepSucceeded
from workflows_app.core.retry import retry_delay, retry_policy
from workflows_app.core.states import Trigger, WaitReason

JSON = Any


def on_succeeded(draft: Draft, status: StepDraft, fact: StepSucceeded) -> None:
    take(draft, status, fact)
    announce(draft, status, fact.actor)
    attempt_end(draft, status, fact, "succeeded")
    status.undo = fact.undo
    if not draft.node(status).has_attempts:  # no body of it is to be put together any more
        status.progress = {**(status.progress or {}), ENDED: fact.port}
    if status.is_cancelling:
        _finish_cancelled(draft, status, fact)
        return
    if fact.review is not None:
        _review(draft, status, fact)
        return
    told = (status.progress or {}).get(TOLD) or {}  # a worker only looked at what came of it
    flow.succeed(
        draft,
        status,
        fact.port,
        output=fact.output,
        trigger=told.get("trigger") or "succeed",
        actor=told.get("actor") or fact.actor,
        why=fact.why or told.get("why") or "",
        data=fact.data,
    )


def _review(draft: Draft, status: StepDraft, fact: StepSucceeded) -> None:
    """The step has acted: people look at it, and only in parallel does the scope go on."""
    review = fact.review or {}
    status.output, status.has_output = fact.output, True
    status.progress = {**(status.progress or {}), PORT: fact.port}
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
    if fact.undo is not None:
        revert.undo_ended(draft, status, why=why)


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
        if fact.outcome_unknown:
            _unknown(draft, status, why)
        flow.cancelled(draft, status, why=why, data={"unknown": fact.outcome_unknown})
        return
    if fact.outcome_unknown and not fact.is_idempotent:
        incident(draft, status, error, why=f"nobody knows whether it happened: {fact.message}")
        return
    delay = _delay(draft, status, fact) if fact.retryable else None
    if delay is None and draft.kind == "undo":
        incident(draft, status, error, why=f"the undo failed: {fact.message}")
    elif delay is None and (fact.undo is not None or ENDED in (status.progress or {})):
        _refused(draft, status, fact)  # it acted, by itself or by its body
    elif delay is None:
        if not fact.outcome_unknown and not status.may_have_acted:
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
        if fact.outcome_unknown:
            status.progress = {**(status.progress or {}), UNKNOWN: True}
        why = f"attempt {status.attempt} failed: {fact.message}"
        retry_later(draft, status, delay, error, why=why)


def _unknown(draft: Draft, status: StepDraft, why: str) -> None:
    """Let the run name a step that was cancelled, and that may have acted all the same."""
    if status.effect != "none":
        draft.effects.append(Degraded(path=status.path, code="unknown", message=why))


def _refused(draft: Draft, status: StepDraft, fact: StepFailed) -> None:
    """It acted, and what it gave was refused: that is undone before the step fails."""
    status.undo, status.output, status.has_output = fact.undo, fact.output, True
    revert.begin(
        draft,
        status,
        "failed",
        actor=fact.actor,
        why=fact.message,
        error={"code": fact.code, "message": fact.message},
        port=fact.port,
        timed_out=fact.timed_out,
    )


def _delay(draft: Draft, status: StepDraft, fact: StepFailed) -> timedelta | None:
    policy = retry_policy(draft.node(status).spec.get("retry"), is_idempotent=fact.is_idempotent)
    retry_after = timedelta(seconds=fact.retry_after) if fact.retry_after else None
    return retry_delay(
        policy, attempt=status.attempt, fraction=fact.fraction, retry_after=retry_after
    )


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
        why = "it never answered after the cancel"
        _unknown(draft, status, why)
        flow.cancelled(draft, status, why=why, data={"unknown": True})
        return
    policy = retry_policy(draft.node(status).spec.get("retry"), is_idempotent=fact.is_idempotent)
    if not fact.is_idempotent:
        incident(draft, status, error, why="the worker stopped: nobody knows whether it happened")
    elif status.attempt >= policy.attempts:
        incident(draft, status, error, why=f"no answer in {status.attempt} attempts")
    else:
        source = draft.move(status, Trigger.RELEASE)
        status.is_announced = False
        status.progress = {**(status.progress or {}), UNKNOWN: True}
        draft.ready(status, source=source, why=error["message"])
