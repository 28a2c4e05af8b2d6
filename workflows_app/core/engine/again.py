"""A step whose body failed: it is tried again where its `retry` says so, else it fails.

A body is tried again whole. What it did is undone first, so that a try begins where the first one
began; an effect without an undo happens once more, under the key of the new generation.
"""

from typing import Any

from workflows_app.core.engine import flow, revert
from workflows_app.core.engine.draft import TRIED, Draft, StepDraft
from workflows_app.core.graph import REFUSAL_PORTS
from workflows_app.core.retry import retry_delay, retry_policy
from workflows_app.core.states import ScopeState

JSON = Any
# What people or limits have said no to is not asked again by itself.
_FINAL = REFUSAL_PORTS | {"approval_timeout", "budget_exceeded", "step_limit", "depth_limit"}


def body_failed(
    draft: Draft,
    status: StepDraft,
    code: str,
    message: str,
    *,
    path: str | None = None,
    output: JSON = None,
    timed_out: bool = False,
) -> None:
    """End a step whose body or child run failed, or try it again after a while."""
    delay = None if code in _FINAL else _delay(draft, status)
    if delay is None:
        flow.fail(draft, status, code, message, path=path, output=output, timed_out=timed_out)
        return
    tried = _tried(status)
    error = {"code": code, "message": message, **({"path": path} if path else {})}
    status.error, status.has_error = error, True
    status.attempts.append(
        {
            "number": tried,
            "worker": "",
            "started_at": status.started_at or draft.now,
            "ended_at": draft.now,
            "outcome": "failed",
            "error": error,
            "details": None,
        }
    )
    draft.timers_drop(status)
    revert.begin(
        draft,
        status,
        revert.RETRY,
        actor="engine",
        why=f"attempt {tried} failed: {message}",
        error=error,
        progress={**status.lasting, TRIED: tried + 1},
        delay=delay,
    )


def _tried(status: StepDraft) -> int:
    return int((status.progress or {}).get(TRIED, 1))


def _delay(draft: Draft, status: StepDraft) -> float | None:
    """Give the seconds until the next try; None where there is none."""
    spec = draft.node(status).spec
    if not spec.get("retry") or draft.kind == "undo" or draft.state is not ScopeState.OPEN:
        return None
    policy = retry_policy(spec["retry"], is_idempotent=False)
    fraction = (status.id.int % 1_000) / 1_000  # an identifier is as good as a die
    delay = retry_delay(policy, attempt=_tried(status), fraction=fraction)
    return None if delay is None else delay.total_seconds()
