"""How one step's end moves the rest of its scope: ports, dead paths, failures, the scope's end."""

from typing import Any

from workflows_app.core.effects import (
    CancelChild,
    CancelScopes,
    DropPending,
    DropUndo,
    ScopeEnded,
)
from workflows_app.core.engine.bad_ends import degrade, error_of
from workflows_app.core.engine.clocks import arms_start
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.engine.joins import Verdict, all_failed, join_verdict
from workflows_app.core.engine.looking import is_to_be_looked_at, look_at, own_undo_drop
from workflows_app.core.graph import FAILURE_PORTS, FATAL_PORTS
from workflows_app.core.states import ScopeState, StepState, Trigger, WaitReason

JSON = Any


def start_ready(draft: Draft, steps: tuple[str, ...]) -> None:
    """Look at pending steps and start, skip or fail them as their joins say."""
    for step in sorted(steps, key=draft.graph.position.__getitem__):
        if draft.state is not ScopeState.OPEN or step in draft.steps or step in draft.blocked:
            continue
        node = draft.graph.nodes[step]
        verdict = join_verdict(draft, node) if node.incoming else Verdict.READY
        if verdict is Verdict.WAIT:
            continue
        status = draft.add(step)
        if verdict is Verdict.READY:
            draft.ready(status)
            arms_start(draft, status)
            if node.join.mode != "all" and node.rest == "cancel":
                _cancel_rest(draft, step)
        elif verdict is Verdict.DEAD and all_failed(draft, node):
            message = f"none of what leads to {step} succeeded"
            fail(draft, status, "all_failed", message, source="")
        elif verdict is Verdict.DEAD:
            draft.move(status, Trigger.SKIP)
            settle(draft, status, None, source="", why="nothing led here")
        else:
            fail(
                draft,
                status,
                "quorum_missed",
                f"{step} needs {node.join.count} of its {len(node.incoming)} edges",
                source="",
            )


def _cancel_rest(draft: Draft, join: str) -> None:
    why = f"{join} goes on without it"
    for step in draft.graph.rest_of(join):
        status = draft.steps.get(step)
        if status is None:
            status = draft.add(step)
            draft.move(status, Trigger.SKIP)
            settle(draft, status, None, source="", why=why)
        elif status.is_open and not status.is_provisional:
            cancel(draft, status, why=why)


def settle(
    draft: Draft,
    status: StepDraft,
    port: str | None,
    *,
    source: str,
    trigger: str = "",
    actor: str = "engine",
    why: str = "",
    data: JSON = None,
) -> None:
    """Write a step's end and follow its edges; the state is already the final one."""
    node = draft.node(status)
    if port in FAILURE_PORTS and node.is_optional and not node.outgoing.get(port):
        port = degrade(draft, status, port)
    status.port = port
    status.is_changed = True
    status.is_container = False
    status.is_held = False
    status.finished_at = draft.now
    ended = {"port": port, **(data or {})}
    if status.error is not None and status.has_error:
        ended["error"] = status.error
    draft.record("step.ended", status, source, trigger=trigger, actor=actor, why=why, data=ended)
    draft.timers_drop(status)
    follow(draft, status, port)


def follow(draft: Draft, status: StepDraft, port: str | None) -> None:
    """Do what a port leads to; a second time changes nothing."""
    node = draft.node(status)
    if node.kind.name == "end" and port is not None:
        _ends(draft, status, port)
    elif port in FATAL_PORTS and not node.outgoing.get(port):
        _leads_nowhere(draft, status, port)
    if draft.state is ScopeState.OPEN:
        start_ready(draft, tuple(node.targets))


def _ends(draft: Draft, status: StepDraft, outcome: str) -> None:
    """Close the scope after an `end` step: its outcome is the port of the container."""
    error = error_of(status, outcome) if status.error or outcome == "error" else None
    close(draft, outcome=outcome, error=error, why=f"{status.step} ends it with {outcome}")


def _leads_nowhere(draft: Draft, status: StepDraft, port: str) -> None:
    """A refusal or failure without an edge fails the scope, unless a join judges it."""
    if port in FAILURE_PORTS and status.step in draft.graph.absorbed:
        return
    error = error_of(status, port)
    close(draft, outcome="error", error=error, why=f"{status.step} ended with {port}")


def succeed(
    draft: Draft,
    status: StepDraft,
    port: str,
    *,
    output: JSON = None,
    trigger: str = "",
    actor: str = "engine",
    why: str = "",
    data: JSON = None,
) -> None:
    """End a step well through `port`; what came of a body or a wait may be looked at first."""
    if is_to_be_looked_at(draft, status, port):
        look_at(draft, status, port, output, {"trigger": trigger, "actor": actor, "why": why})
        return
    if status.state is StepState.WAITING or status.is_container:
        own_undo_drop(draft, status)
    source = draft.move(status, Trigger.SUCCEED)
    status.output, status.has_output = output, True
    settle(draft, status, port, source=source, trigger=trigger, actor=actor, why=why, data=data)


def fail(
    draft: Draft,
    status: StepDraft,
    code: str,
    message: str,
    *,
    source: str | None = None,
    port: str = "error",
    path: str | None = None,
    timed_out: bool = False,
    actor: str = "engine",
    why: str = "",
    output: JSON = None,
) -> None:
    """End a step with an error; `path` names the inner step it began in."""
    own_undo_drop(draft, status)
    before = draft.move(status, Trigger.TIME_OUT if timed_out else Trigger.FAIL)
    status.error = {"code": code, "message": message}
    if path and path != status.path:
        status.error["path"] = path
    status.has_error = True
    if output is not None:
        status.output, status.has_output = output, True
    settle(
        draft,
        status,
        port,
        source=before if source is None else source,
        actor=actor,
        why=why or message,
    )


def skip(
    draft: Draft, status: StepDraft, *, output: JSON = None, actor: str = "engine", why: str = ""
) -> None:
    """End a step without running it; it gives what the person gave, and takes `done`."""
    is_unseen = status.state is StepState.RUNNING and not status.is_announced
    source = "ready" if is_unseen else str(status.state)
    own_undo_drop(draft, status)
    draft.move(status, Trigger.SKIP)
    status.output, status.has_output = output, True
    settle(draft, status, "done", source=source, actor=actor, why=why)


def cancel(draft: Draft, status: StepDraft, *, why: str, actor: str = "engine") -> None:
    """Stop an open step: at once where nothing outside can have changed, else once it is known."""
    if status.is_container and status.state is StepState.RUNNING:
        if not status.is_cancelling:
            status.is_cancelling = True
            status.is_changed = True
            cancel_inside(draft, status, why, actor)
        if status.holds_nothing:
            cancelled(draft, status, why=why, actor=actor)
        return
    if status.is_unconfirmed and not _went_on(draft, status):
        draft.drop_waits(status, why)
        _take_back(draft, status, why=why, actor=actor)
        return
    if status.state is StepState.RUNNING and status.effect != "none":
        status.is_cancelling = True
        status.is_changed = True
        return
    draft.drop_waits(status, why)
    if status.reason == WaitReason.CHILD:
        draft.effects.append(CancelChild(step_run=status.id, why=why, actor=actor))
        status.is_cancelling = True
        status.is_changed = True
        return
    cancelled(draft, status, why=why, actor=actor)


def _went_on(draft: Draft, status: StepDraft) -> bool:
    """Tell whether its own port is taken already: provisionally, while it is reviewed."""
    return status.port is not None and until_port(draft, status) is None


def _take_back(draft: Draft, status: StepDraft, *, why: str, actor: str) -> None:
    """Undo what a step did that nobody has confirmed; an arm of `until` keeps its port."""
    revert = {"actor": actor, "why": why}
    if until_port(draft, status) is None:
        draft.take_back(status, {"then": "cancelled", **revert})
    else:
        cancelled(draft, status, why=why, actor=actor)
        draft.take_back(status, {"then": "settled", "is_cancelled": True, **revert})


def cancel_inside(draft: Draft, status: StepDraft, why: str, actor: str) -> None:
    draft.effects.append(DropPending(container=status.id))
    draft.effects.append(CancelScopes(container=status.id, why=why, actor=actor))


def cancelled(
    draft: Draft, status: StepDraft, *, why: str, actor: str = "engine", data: JSON = None
) -> None:
    """Write the end of a cancelled step; its edges die, unless an arm of `until` was first."""
    never_acted = status.state is StepState.READY or status.reason == WaitReason.RETRY
    if status.effect == "none" or (never_acted and not status.may_have_acted):
        draft.effects.append(DropUndo(step_run=status.id))
    else:
        own_undo_drop(draft, status)
    source = draft.move(status, Trigger.CANCEL)
    status.is_cancelling = False
    port = until_port(draft, status)
    trigger = f"until:{port}" if port else ""
    settle(draft, status, port, source=source, trigger=trigger, actor=actor, why=why, data=data)


def until_port(draft: Draft, status: StepDraft) -> str | None:
    """Give the port of the arm of `until` that came before the step's own end, if one did."""
    arms = draft.node(status).spec.get("until") or ()
    return next((arm["port"] for arm in arms if arm["port"] == status.port), None)


def close(
    draft: Draft,
    *,
    outcome: str,
    error: JSON = None,
    is_cancelled: bool = False,
    why: str,
    actor: str = "engine",
) -> None:
    """Stop what else goes on in the scope; the first reason stands."""
    if draft.state is not ScopeState.OPEN:
        return
    draft.state = ScopeState.CLOSING
    draft.closing = {"outcome": outcome, "error": error, "is_cancelled": is_cancelled}
    draft.is_changed = True
    for step in draft.graph.order:
        status = draft.steps.get(step)
        if status is not None and status.is_open:
            cancel(draft, status, why=why, actor=actor)


def end_if_still(draft: Draft) -> None:
    """End the scope when nothing in it is ready, running or waiting."""
    if draft.state is ScopeState.ENDED or draft.state is ScopeState.PENDING:
        return
    if draft.reverting or any(status.is_open for status in draft.steps.values()):
        return
    closing = draft.closing or {"outcome": "done", "error": None, "is_cancelled": False}
    draft.state = ScopeState.ENDED
    draft.closing = closing
    draft.is_changed = draft.has_ended = True
    draft.effects.append(
        ScopeEnded(
            outcome=closing["outcome"],
            error=closing["error"],
            is_cancelled=closing["is_cancelled"],
        )
    )
