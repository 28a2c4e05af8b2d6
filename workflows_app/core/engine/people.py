"""What people and the clock decide about a waiting step."""

from typing import Any

from workflows_app.core.effects import DropUndo
from workflows_app.core.engine import flow, heard, revert, suspending
from workflows_app.core.engine.again import body_failed
from workflows_app.core.engine.draft import ENDED, PORT, REWORKED, TOLD, Draft, StepDraft
from workflows_app.core.facts import (
    ChildRunEnded,
    Decided,
    StepGivenUp,
    StepPassed,
)
from workflows_app.core.graph import Graph
from workflows_app.core.states import StepState, Trigger, WaitReason

JSON = Any
_ASKED = (
    WaitReason.APPROVAL.value,
    WaitReason.REVIEW.value,
    WaitReason.CHECKPOINT.value,
    WaitReason.BUDGET.value,
)


def on_decided(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """Go on as a request was answered; one whose question is void changes nothing."""
    if fact.generation != status.generation or status.reason not in _ASKED:
        return
    if fact.outcome == "incident":
        error = {"code": "no_approver", "message": fact.reason or "nobody may answer"}
        suspending.incident(draft, status, error, why=error["message"])
    elif fact.outcome == "failed":
        _unanswered(draft, status, fact)
    elif status.reason == WaitReason.BUDGET:
        _budget(draft, status, fact)
    elif status.reason == WaitReason.REVIEW:
        _reviewed(draft, status, fact)
    elif draft.node(status).kind.primitive == "wait" and not status.is_gated:
        _answered(draft, status, fact)
    else:
        _gate(draft, status, fact)


def _unanswered(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """Nobody answered, and the step fails for it; one that has acted is taken back first."""
    code, message = "approval_timeout", fact.reason or "nobody answered in time"
    actor = fact.by or "engine"
    if status.reason == WaitReason.REVIEW:
        error = {"code": code, "message": message}
        revert.begin(draft, status, "failed", actor=actor, why=message, error=error, port="error")
    else:
        flow.fail(draft, status, code, message, actor=actor)


def _budget(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """The step goes on with the dollars that were added, or fails."""
    if fact.outcome != "approved":
        message = fact.reason or f"more money was asked for, and the request was {fact.outcome}"
        flow.fail(draft, status, "budget_exceeded", message, actor=fact.by or "engine")
        return
    asked = fact.arguments if fact.arguments is not None else status.waiting
    progress = dict(status.progress or {})
    progress["granted_usd"] = progress.get("granted_usd", 0.0) + float(asked["usd"])
    status.progress = progress
    suspending.resume(
        draft, status, why=fact.reason or f"{asked['usd']} US dollars added", actor=fact.by
    )


def _gate(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """A gated step may act now, was done by a person, or is refused."""
    if fact.outcome == "approved":
        status.approved_digest = fact.digest
        if fact.arguments is not None:
            status.progress = {**(status.progress or {}), "edited": fact.arguments}
        suspending.resume(draft, status, why=fact.reason or "approved", actor=fact.by)
    elif fact.outcome == "taken_over":
        flow.succeed(
            draft,
            status,
            "done",
            output=fact.output,
            trigger="take_over",
            actor=fact.by,
            why=fact.reason,
        )
    else:
        refuse(draft, status, fact)


def refuse(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """End a gated step that may not act: skipped, by the port of the refusal."""
    port = _refusal(draft, status, fact)
    draft.effects.append(DropUndo(step_run=status.id))
    source = draft.move(status, Trigger.SKIP)
    status.output, status.has_output = None, True
    status.error = {"code": port, "message": fact.reason or f"the request was {fact.outcome}"}
    status.has_error = True
    flow.settle(
        draft,
        status,
        port,
        source=source,
        trigger=fact.outcome,
        actor=fact.by or "engine",
        why=fact.reason,
    )


def _refusal(draft: Draft, status: StepDraft, fact: Decided) -> str:
    """Give the port of a refusal: `expired` only where it leads somewhere."""
    leads_on = bool(draft.node(status).outgoing.get("expired"))
    return "expired" if fact.outcome == "expired" and leads_on else "rejected"


def _answered(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """A step that is itself the question ends with the answer as its output."""
    port = {"rejected": "rejected", "expired": "expired", "stopped": "stopped"}.get(
        fact.outcome, "done"
    )
    node = draft.node(status)
    if port == "rejected" and node.kind.name == "checkpoint":
        port = "stopped"
    if port == "expired" and not node.outgoing.get("expired") and node.kind.name != "checkpoint":
        port = "rejected"
    if fact.changes and port == "done":
        change_rest(draft, fact.changes)
    flow.succeed(
        draft,
        status,
        port,
        output=fact.output,
        trigger=fact.outcome,
        actor=fact.by or "engine",
        why=fact.reason,
    )


def change_rest(draft: Draft, changes: JSON) -> None:
    """Alter steps of this scope that have not started: pass them over, or give new settings.

    Only this scope of this run changes; the version stays as it is. `steps` are those of `set`
    as primitives, where the service has expanded them.
    """
    skipped, settings = set(changes.get("skip") or ()), changes.get("set") or {}
    made = changes.get("steps") or {}
    body = dict(draft.graph.body)
    body["steps"] = [
        _changed(step, step["id"] in skipped, settings.get(step["id"]), made.get(step["id"]))
        if step["id"] not in draft.steps
        else step
        for step in body["steps"]
    ]
    draft.graph = Graph(draft.graph.key, body)
    draft.override = body
    draft.is_changed = True


def _changed(step: JSON, is_skipped: bool, settings: JSON, made: JSON) -> JSON:
    if made is not None:
        step = dict(made)
    elif settings is not None:
        step = {**step, "with": settings}
    return {**step, "when": "false"} if is_skipped else step


def _reviewed(draft: Draft, status: StepDraft, fact: Decided) -> None:
    """The step has acted: confirm what it gave, or take it back."""
    if fact.outcome in ("approved", "taken_over", "changed"):
        output = fact.arguments if fact.arguments is not None else fact.output
        if output is not None:
            status.output, status.has_output = output, True
        port = status.port or (status.progress or {}).get(PORT) or "done"
        source = draft.move(status, Trigger.SUCCEED)
        flow.settle(
            draft, status, port, source=source, trigger="confirm", actor=fact.by, why=fact.reason
        )
        return
    error = {"code": "rejected", "message": fact.reason or "the review was not confirmed"}
    known = {k: v for k, v in (status.progress or {}).items() if k not in (ENDED, TOLD, PORT)}
    rework = int((draft.node(status).spec.get("review") or {}).get("rework") or 0)
    if fact.outcome == "rejected" and known.get(REWORKED, 0) < rework:
        revert.begin(
            draft,
            status,
            "again",
            actor=fact.by,
            why=fact.reason or "sent back",
            feedback={"by": fact.by, "reason": fact.reason},
            progress={**known, REWORKED: known.get(REWORKED, 0) + 1},
            outcome=fact.outcome,
        )
        return
    revert.begin(
        draft,
        status,
        "rejected",
        actor=fact.by or "engine",
        why=fact.reason,
        outcome=fact.outcome,
        port=_refusal(draft, status, fact),
        error=error,
    )


def on_child_ended(draft: Draft, status: StepDraft, fact: ChildRunEnded) -> None:
    """The run of a `workflow` step has ended: so does the step."""
    if fact.generation != status.generation or status.reason != WaitReason.CHILD:
        return
    status.usage = fact.usage
    if draft.kind == "undo":
        _child_rolled_back(draft, status, fact)
    elif status.is_cancelling:
        flow.cancelled(draft, status, why="the child run has stopped")
    elif (status.progress or {}).get("timed_out"):
        heard.timed_out(draft, status)
    elif fact.state == "succeeded":
        flow.succeed(draft, status, "done", output=fact.output, why="the child run succeeded")
    else:
        error = fact.error or {}
        body_failed(
            draft,
            status,
            error.get("code") or fact.state,
            error.get("message") or f"the child run ended as {fact.state}",
            timed_out=fact.state == "timed_out",
        )


def _child_rolled_back(draft: Draft, status: StepDraft, fact: ChildRunEnded) -> None:
    """What the child run did is undone; what was passed over there counts as passed over here."""
    if fact.error is not None and fact.error.get("code") == "not_undone":
        flow.skip(draft, status, why=fact.error["message"])
    else:
        flow.succeed(draft, status, "done", why="the child run is rolled back")


def on_passed(draft: Draft, status: StepDraft, fact: StepPassed) -> None:
    """A person skips an open step."""
    if status.state is StepState.RUNNING or not status.is_open:
        return
    draft.drop_waits(status, "the step was skipped")
    flow.skip(draft, status, output=fact.output, actor=fact.actor, why=fact.reason)


def on_given_up(draft: Draft, status: StepDraft, fact: StepGivenUp) -> None:
    """A person lets an incident fail; no undo, for others wait behind it."""
    if status.reason != WaitReason.INCIDENT or draft.kind == "undo":
        return
    error = status.error if isinstance(status.error, dict) else {}
    flow.fail(
        draft,
        status,
        error.get("code") or "incident",
        error.get("message") or fact.reason,
        actor=fact.actor,
        why=fact.reason,
    )
