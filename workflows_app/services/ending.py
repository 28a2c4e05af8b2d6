"""How a run ends: the state it takes, compensation first where it is due, and who is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows_app.core.facts import ChildRunEnded, fact_dump
from workflows_app.core.states import RunState
from workflows_app.models.fields import json_dump
from workflows_app.services import rows, undo
from workflows_app.services.batch import RunEnd
from workflows_app.services.revert import undo_scope_open

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier
    from workflows_app.services.run_row import RunFollow

JSON = Any
OUT_OF_TIME = "run_timeout"  # without a path: of the run itself, not of one that it called


def run_end(carrier: Carrier, follow: RunFollow, *, has_undos: bool) -> None:
    """Take the run to its final state, by way of its compensation."""
    if follow.end is None:
        return
    _decide(carrier, follow, follow.end, has_undos)
    parent = follow.run.parent_step_run
    if has_undos and follow.has_ended and parent is not None:
        undo.undo_record_child(
            step_run=parent,
            child=follow.run_id,
            has_succeeded=follow.state is RunState.SUCCEEDED,
        )


def _decide(carrier: Carrier, follow: RunFollow, end: RunEnd, has_undos: bool) -> None:
    if end.scope_kind == "undo":
        tell = (follow.ending or {}).get("tell")
        _end(carrier, follow, **_after_compensation(follow))
        if tell is not None:
            _answer(carrier, follow, tell)
        return
    intent = {**_intent(end), **(follow.ending or {})}
    definition = carrier.transaction.contexts[follow.run_id].version.expanded
    is_bad = intent["state"] in (RunState.FAILED, RunState.TIMED_OUT)
    everything = bool(intent.get("rollback")) or (
        is_bad and definition.get("on_failure") == "compensate"
    )
    undos = undo.undos_take(follow.run_id, everything=everything) if has_undos else []
    if undos:
        _compensate(carrier, follow, intent, undos, everything)
    elif has_undos and undo.undos_left(follow.run_id):
        follow.ending = {**intent, "compensated": everything}
        _end(carrier, follow, **_after_compensation(follow))
    else:
        _end(
            carrier,
            follow,
            state=RunState(intent["state"]),
            error=intent.get("error"),
            output=intent.get("output"),
            actor=intent.get("actor") or "engine",
            why=intent.get("reason") or "",
        )


def _intent(end: RunEnd) -> dict[str, Any]:
    if end.is_cancelled:
        return {"state": RunState.CANCELLED.value, "error": None, "output": None}
    if end.error is not None:
        is_late = end.error.get("code") == OUT_OF_TIME and not end.error.get("path")
        state = RunState.TIMED_OUT if is_late else RunState.FAILED
        return {"state": state.value, "error": end.error, "output": None}
    return {"state": RunState.SUCCEEDED.value, "error": None, "output": end.output}


def _compensate(
    carrier: Carrier,
    follow: RunFollow,
    intent: JSON,
    undos: list[undo.Taken],
    everything: bool,
) -> None:
    follow.ending = {**intent, "compensated": everything}
    follow.record(
        "state.changed",
        RunState.COMPENSATING,
        actor=intent.get("actor") or "engine",
        why=intent.get("reason") or "what was done is undone, newest first",
        data={"undoes": [one.path for one in undos]},
    )
    undo_scope_open(carrier, follow.run_id, undos)
    follow.active += 1  # what is left for it, which the run's row counts already


def _after_compensation(follow: RunFollow) -> dict[str, Any]:
    intent = dict(follow.ending or {})
    left = undo.undos_left(follow.run_id)
    error = intent.get("error")
    if left:
        paths = ", ".join(left)
        error = {"code": "not_undone", "message": f"not undone: {paths}", "path": left[0]}
        state = RunState.FAILED
    elif intent.get("compensated"):
        state = RunState.COMPENSATED
    else:
        state = RunState(intent.get("state", "cancelled"))
    return {
        "state": state,
        "error": error,
        "output": intent.get("output"),
        "actor": intent.get("actor") or "engine",
        "why": intent.get("reason") or "",
    }


def _end(
    carrier: Carrier,
    follow: RunFollow,
    *,
    state: RunState,
    error: JSON,
    output: JSON,
    actor: str,
    why: str,
) -> None:
    follow.output, follow.error = output, error
    follow.has_ended = True
    follow.ending = None
    why = why or (error or {}).get("message", "")
    follow.record(
        "run.ended", state, actor=actor, why=why, data={"error": error} if error else None
    )
    if follow.run.parent_step_run is not None:
        _tell_parent(carrier, follow)


def _answer(carrier: Carrier, follow: RunFollow, tell: JSON) -> None:
    """Tell the undo that asked for it that this run is rolled back; its cost is the run's own."""
    fact = ChildRunEnded(
        step_run=UUID(tell["step_run"]),
        generation=tell["generation"],
        run=follow.run_id,
        state=follow.state.value,
        error=follow.error,
    )
    carrier.leave(UUID(tell["scope"]), UUID(tell["run"]), fact, is_counted=False)


def _tell_parent(carrier: Carrier, follow: RunFollow) -> None:
    cursor = rows.cursor_open()
    cursor.execute(
        "SELECT scope_id, run_id, generation FROM workflows_app_steprun WHERE id = %s",
        [follow.run.parent_step_run],
    )
    row = cursor.fetchone()
    if row is None:
        return
    scope_id, run_id, generation = row
    usage = tuple(a + b for a, b in zip(follow.run.usage, follow.usage, strict=True))
    fact = ChildRunEnded(
        step_run=follow.run.parent_step_run,  # type: ignore[arg-type]
        generation=generation,
        run=follow.run_id,
        state=follow.state.value,
        output=follow.output,
        error=follow.error,
        usage=usage,  # type: ignore[arg-type]
    )
    carrier.inbox.append(
        {
            "run_id": str(run_id),
            "scope_id": str(scope_id),
            "fact": json_dump(fact_dump(fact)),
            "is_counted": False,
        }
    )
    carrier.transaction.applied.touched[scope_id] = run_id
