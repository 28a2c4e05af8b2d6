"""Asking people before a step acts: the exact action, who is asked about it, and why."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.action import action_build, action_digest
from workflows_app.core.engine.draft import GATE
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import Fact, StepSuspended
from workflows_app.core.kinds import Call
from workflows_app.core.states import Effect, WaitReason
from workflows_app.gate_hooks import GateCase, gate_judge
from workflows_app.services.batch import Claim
from workflows_app.services.calls import effect_of_call, failure
from workflows_app.services.values import condition_of, value_of

JSON = Any
RISKS = ("low", "medium", "high", "critical")
AS_WRITTEN = ("when", "relax", "form")  # of a gate: never evaluated with the rest


def gate_ask(claim: Claim, call: Call, values: JSON, effect: Effect, worker: str) -> Fact | None:
    """Ask people, unless the condition is false or this very action was approved."""
    gate = claim.node.spec["approval"]
    action = action_of(claim, call)
    digest = action_digest(action)
    if claim.approved_digest == digest:
        return None
    why = "every time"
    if gate.get("when") and claim.approved_digest is None:
        try:
            shown = {**values, "proposal": {**action, **call.settings}}
            if not condition_of(gate["when"]).evaluate(shown):
                return None
            why = gate["when"]
        except ExpressionError as error:
            why = f"its condition could not be answered: {error.message}"
    if claim.approved_digest is not None:
        why = "what was approved is no longer what would run"
    try:
        settings = gate_settings(gate, values, risk=claim.node.spec.get("risk"))
    except ExpressionError as error:
        return failure(claim, worker, error.code, error.message)
    if gate.get("relax") and claim.approved_digest is None:
        ruling = gate_judge(_case(claim, call, values, action, settings))
        if not ruling.asks:
            return None
        why, settings = ruling.why or why, {**settings, **ruling.more}
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        effect=effect.value,
        reason=WaitReason.APPROVAL.value,
        waiting={GATE: True},
        request=settings,
        action=action,
        digest=digest,
        why=why,
        input=call.settings,
    )


def gate_hold(claim: Claim, call: Call, values: JSON, why: str, worker: str) -> Fact | None:
    """Ask the people of the step's own gate, else whoever a guardrail asks by default."""
    action = action_of(claim, call)
    digest = action_digest(action)
    if claim.approved_digest == digest:
        return None
    gate = claim.node.spec.get("approval") or {}
    try:
        settings = gate_settings(gate, values, risk=claim.node.spec.get("risk"))
    except ExpressionError as error:
        return failure(claim, worker, error.code, error.message)
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        effect=effect_of_call(claim, call)[0].value,
        reason=WaitReason.APPROVAL.value,
        waiting={GATE: True},
        request=settings,
        action=action,
        digest=digest,
        why=why,
        input=call.settings,
    )


def _case(
    claim: Claim, call: Call, values: JSON, action: dict[str, JSON], settings: dict[str, JSON]
) -> GateCase:
    """Give what a relaxed gate is judged by; its condition sees the action and the confidence."""
    relax = claim.node.spec["approval"]["relax"]
    shown = {**values, "proposal": {**action, "confidence": settings.get("confidence")}}
    return GateCase(
        run_id=claim.run_id,
        step_run_id=claim.id,
        workspace_id=claim.context.workspace_id,
        workflow_id=claim.context.version.workflow_id,
        version_id=claim.context.version.id,
        path=claim.path,
        generation=claim.generation,
        mode=call.mode,
        action=action,
        digest=action_digest(action),
        relax=relax,
        settings=settings,
        holds=lambda: bool(condition_of(relax["when"]).evaluate(shown)),
    )


def gate_settings(
    gate: Mapping[str, JSON], values: JSON, *, risk: str | None = None
) -> dict[str, JSON]:
    """Render the settings of an `approval` or `review`; its conditions stay as they are.

    Args:
        risk: the step's own, a level or CEL, which holds where the gate names none.
    """
    rendered = {key: value for key, value in gate.items() if key not in AS_WRITTEN}
    result = dict(value_of(rendered).evaluate(values))
    result |= {key: gate[key] for key in AS_WRITTEN if gate.get(key) is not None}
    if risk is not None and result.get("risk") is None:
        result["risk"] = risk if risk in RISKS else condition_of(risk).evaluate(values)
    return result


def action_of(claim: Claim, call: Call) -> dict[str, JSON]:
    """Give the exact action of a call, as an approval binds it."""
    return action_build(
        claim.node.kind.action(call),
        run_id=claim.run_id,
        path=claim.path,
        generation=claim.generation,
        definition_digest=claim.context.version.digest,
        lapses_at=claim.context.lapses_at,
    )
