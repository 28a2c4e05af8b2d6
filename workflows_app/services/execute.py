"""Carrying one prepared step out: the only place where a kind's `run()` is called."""

import logging
import random
import time
import traceback
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, connection

from workflows_app.core.action import action_digest
from workflows_app.core.engine.draft import TOLD
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import Fact, StepFailed, StepSucceeded, StepSuspended
from workflows_app.core.kinds import Done, StepError, Suspend
from workflows_app.core.states import Effect, WaitReason
from workflows_app.core.strict_json import JsonRefused, strict_check
from workflows_app.services import guardrails, holds
from workflows_app.services.gates import action_of, gate_settings
from workflows_app.services.kept_results import kept_put
from workflows_app.services.prepared import Prepared, undo_render
from workflows_app.services.rows import database_now
from workflows_app.services.values import condition_of

logger = logging.getLogger(__name__)
JSON = Any
# Django's errors, and psycopg's own: the engine's cursors raise those.
DATABASE_AWAY = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_ASKS = (WaitReason.APPROVAL, WaitReason.REVIEW, WaitReason.CHECKPOINT)


def step_execute(prepared: Prepared, *, worker: str, is_short: bool = False) -> Fact:
    """Run the step and say what came of it; no database connection is held meanwhile.

    A step that is known to end within milliseconds (`is_short`) keeps the connection: handing
    it back and checking it again would cost more than the step.

    Raises:
        DATABASE_AWAY: the product's own database did not answer, so nobody knows what came of it.
    """
    if prepared.result is not None:
        return _guarded(prepared, worker, prepared.result, _lasted(prepared))
    if not is_short:
        connection.close()
    begun = time.monotonic()
    try:
        result = prepared.claim.node.kind.run(prepared.call)
    except StepError as error:
        return _failed(prepared, worker, error)
    except ExpressionError as error:
        return _failed(prepared, worker, StepError(error.code, error.message))
    except DATABASE_AWAY:
        raise
    except Exception as error:
        logger.exception("step %s of run %s raised", prepared.claim.path, prepared.claim.run_id)
        last = traceback.extract_tb(error.__traceback__)[-1]
        raised = StepError(
            "exception",
            f"{type(error).__name__}: {error}"[:2000],
            retryable=False,
            details={"at": f"{last.name}, line {last.lineno}"},
        )
        return _failed(prepared, worker, raised)
    if isinstance(result, Suspend):
        return _suspended(prepared, worker, result)
    try:
        strict_check(result.output)
    except JsonRefused as error:
        return _failed(prepared, worker, StepError("invalid_output", error.message))
    return _guarded(prepared, worker, result, time.monotonic() - begun)


def _lasted(prepared: Prepared) -> float:
    """Give how many seconds ago a step began whose body, or wait, has ended."""
    began = ((prepared.claim.progress or {}).get(TOLD) or {}).get("began")
    return (database_now() - datetime.fromisoformat(began)).total_seconds() if began else 0.0


def _common(prepared: Prepared, worker: str) -> dict[str, Any]:
    return {
        "step_run": prepared.claim.id,
        "token": prepared.claim.token,
        "actor": worker,
        "input": prepared.call.settings,
        "effect": prepared.effect.value,
    }


def _failed(prepared: Prepared, worker: str, error: StepError) -> Fact:
    claim = prepared.claim
    if error.wait is WaitReason.BUDGET:
        return _out_of_budget(prepared, worker, error)
    if error.wait is not None and not claim.setting.takes_error(claim.node.id):
        return _held_up(prepared, worker, error, error.wait)
    retry_after = error.retry_after.total_seconds() if error.retry_after else None
    usage = error.usage
    return StepFailed(
        **_common(prepared, worker),
        code=error.code,
        message=error.message,
        retryable=error.retryable,
        retry_after=retry_after,
        outcome_unknown=error.outcome_unknown,
        is_idempotent=prepared.is_idempotent,
        timed_out=error.code == "timeout",
        port=error.port,
        fraction=random.random(),  # noqa: S311
        usage=(usage.input_tokens, usage.output_tokens, usage.cost_usd),
        details=error.details,
    )


def _held_up(
    prepared: Prepared, worker: str, error: StepError, reason: WaitReason
) -> StepSuspended:
    """Nothing was tried: the step waits, and its next claim is the same attempt again."""
    after = error.retry_after.total_seconds() if error.retry_after else holds.LOOK_AGAIN
    return StepSuspended(
        **_common(prepared, worker),
        reason=reason.value,
        after=after,
        waiting=error.details,
        why=error.message,
    )


def _out_of_budget(prepared: Prepared, worker: str, error: StepError) -> StepSuspended:
    """Ask people for what the next call may cost; what was spent so far stays spent."""
    wanted: JSON = error.details
    action = {**action_of(prepared.claim, prepared.call), "arguments": {"usd": wanted["usd"]}}
    usage = error.usage
    return StepSuspended(
        **_common(prepared, worker),
        reason=WaitReason.BUDGET.value,
        request={"summary": error.message, "decisions": ["approve", "edit", "reject"]},
        action=action,
        digest=action_digest(action),
        waiting={"usd": wanted["usd"]},
        usage=(usage.input_tokens, usage.output_tokens, usage.cost_usd),
        why=error.message,
    )


def _suspended(prepared: Prepared, worker: str, result: Suspend) -> StepSuspended:
    asks = result.reason in _ASKS
    action = action_of(prepared.claim, prepared.call) if asks else None
    return StepSuspended(
        **_common(prepared, worker),
        reason=result.reason.value,
        until=result.until,
        after=result.after.total_seconds() if result.after is not None else None,
        waiting=result.waiting,
        request=result.request,
        action=action,
        digest=action_digest(action) if action else None,
        why=str((result.request or {}).get("why") or "") if asks else "",
    )


def _guarded(prepared: Prepared, worker: str, result: Done, seconds: float) -> Fact:
    """Run the guardrails after the step on what it gave."""
    checks = guardrails.checks_of(prepared.claim, "after")
    if not checks:
        return _succeeded(prepared, worker, result)
    verdict = guardrails.guardrails_run(
        prepared.claim, prepared.call, result.output, checks, at="after", seconds=seconds
    )
    if verdict.action == "block":
        refused = StepError(
            verdict.code, verdict.why, usage=result.usage, details=result.details or {}
        )
        fact = _failed(prepared, worker, refused)
        if prepared.effect is not Effect.NONE and isinstance(fact, StepFailed):
            return replace(fact, undo=undo_render(prepared, result.output))
        return fact
    result = replace(result, output=verdict.value)
    return _succeeded(prepared, worker, result, verdict.why if verdict.action == "hold" else "")


def _succeeded(prepared: Prepared, worker: str, result: Done, held: str = "") -> Fact:
    usage = result.usage
    try:
        review = _review(prepared, result, held)
    except ExpressionError as error:
        return _failed(prepared, worker, StepError(error.code, error.message))
    if review is None and prepared.kept_from is None:
        kept_put(prepared, result)
    return StepSucceeded(
        **_common(prepared, worker),
        output=result.output,
        port=result.port,
        why="the same was asked before" if prepared.kept_from is not None else "",
        usage=(usage.input_tokens, usage.output_tokens, usage.cost_usd),
        details=result.details,
        undo=undo_render(prepared, result.output),
        review=review,
        data=_shown(prepared, result),
    )


def _shown(prepared: Prepared, result: Done) -> JSON:
    """What the history says of the end beside its port: what a decision found, what was kept."""
    if prepared.kept_from is not None:
        return {"cached": prepared.kept_from}
    if prepared.claim.node.kind.name == "decision" and isinstance(result.output, dict):
        return {"evaluated": result.output.get("evaluated")}
    return None


def _review(prepared: Prepared, result: Done, held: str) -> JSON:
    """Give the question that a `review`, or a guardrail that holds, asks of what the step gave."""
    spec = prepared.claim.node.spec.get("review") or {}
    if not spec and not held:
        return None
    values = {**prepared.values, "output": result.output}
    why = held or "every time"
    if spec.get("when") and not held:
        try:
            if not condition_of(spec["when"]).evaluate(values):
                return None
            why = spec["when"]
        except ExpressionError as error:
            why = f"its condition could not be answered: {error.message}"
    action = {**action_of(prepared.claim, prepared.call), "arguments": result.output}
    return {
        "mode": "after" if held else spec.get("mode") or "after",
        "settings": gate_settings(spec, values, risk=prepared.claim.node.spec.get("risk")),
        "action": action,
        "digest": action_digest(action),
        "why": why,
    }
