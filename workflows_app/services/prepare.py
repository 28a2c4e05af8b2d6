"""From a claim to a call: conditions, rendered settings, gates, and the proposal fixed.

No lock is held here. What a step names was settled before it became ready, so its values do
not change; a claim that is lost meanwhile makes the result of this worthless, not wrong.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db import transaction

from workflows_app.core.action import action_build, action_digest
from workflows_app.core.durations import duration_parse
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.expressions.rendering import expression_refs, render
from workflows_app.core.facts import (
    Fact,
    StepFailed,
    StepSkipped,
    StepSucceeded,
    StepSuspended,
)
from workflows_app.core.graph import Node, ports_taken
from workflows_app.core.kinds import Call, Source
from workflows_app.core.states import Effect, WaitReason
from workflows_app.gate_hooks import GateCase, gate_judge
from workflows_app.models import Run, StepRun
from workflows_app.services import budgets, cache, guardrails, holds, undo
from workflows_app.services.batch import Claim
from workflows_app.services.claim import proposal_fix
from workflows_app.services.containers import container_open
from workflows_app.services.event_waits import arms_open
from workflows_app.services.values import (
    Place,
    Result,
    condition_of,
    results_load,
    value_of,
    values_build,
)

JSON = Any
ATTEMPT_LIMIT = 600.0  # seconds for one attempt where the step sets no `timeout`


@dataclass(slots=True)
class Prepared:
    """A claim that may act."""

    claim: Claim
    call: Call
    values: JSON
    effect: Effect
    is_idempotent: bool
    cancelled: threading.Event  # set by the timekeeper once nobody waits for the call any more


def node_refs(node: Node) -> frozenset[str]:
    """Give the steps whose results a step's expressions name; found once for each node."""
    known: frozenset[str] | None = node.__dict__.get("refs")
    if known is None:
        known = frozenset(expression_refs(node.spec, node.kind))
        if node.kind.name == "merge" or node.kind.reads_sources:
            known |= {source for source, _port in node.incoming}
        node.__dict__["refs"] = known
    return known


def claims_prepare(claims: Sequence[Claim], *, worker: str) -> list[Prepared | Fact | None]:
    """Prepare claims together; their values are read in one query.

    Each gives what may be carried out, a fact that already settles it, or None when the claim
    was lost.
    """
    results = results_load(place for claim in claims for place in claim_places(claim))
    return [claim_prepare(claim, results, worker=worker) for claim in claims]


def claim_places(claim: Claim) -> Iterable[Place]:
    """Give where the results are that a step's expressions name."""
    return claim.setting.places(node_refs(claim.node)).values()


def failure(claim: Claim, worker: str, code: str, message: str, **more: Any) -> StepFailed:
    """Give the fact that this claim failed before it acted."""
    return StepFailed(
        step_run=claim.id, token=claim.token, actor=worker, code=code, message=message, **more
    )


def claim_prepare(
    claim: Claim, results: dict[Place, Result], *, worker: str
) -> Prepared | Fact | None:
    """Prepare one claim with the results that it names."""
    spec = claim.node.spec
    more = {"feedback": claim.feedback} if claim.feedback is not None else {}
    values = values_build(claim.setting, node_refs(claim.node), results, **more)
    is_first = claim.input is None
    try:
        condition = spec.get("when") if is_first else None
        if condition and not condition_of(condition).evaluate(values):
            return StepSkipped(
                step_run=claim.id,
                token=claim.token,
                actor=worker,
                why=f"its condition is false: {condition}",
            )
        settings = _settings(claim, values)
        arms_open(claim, values)
    except ExpressionError as error:
        return failure(claim, worker, error.code, error.message)
    if (held_up := _exclusive(claim, worker)) is not None:
        return held_up
    cancelled = threading.Event()
    call = _call(claim, settings, values, results, cancelled)
    call, stopped = _guarded(claim, call, values, worker)
    if stopped is not None:
        return stopped
    if claim.node.kind.primitive in ("group", "map", "loop", "workflow", "state_machine"):
        return container_open(claim, call.settings, values, worker)
    effect, is_idempotent = _effect(claim, call)
    if spec.get("approval"):
        question = _gate(claim, call, values, effect, worker)
        if question is not None:
            return question
    if effect is Effect.IRREVERSIBLE and "undoes" not in spec and provisional_before(claim):
        return _waits(claim, worker, WaitReason.REVIEW, "what it rests on is still being reviewed")
    if effect is Effect.NONE and spec.get("cache"):
        known = _cached(claim, call, worker)
        if known is not None:
            return known
    return _fix(Prepared(claim, call, values, effect, is_idempotent, cancelled))


def _waits(
    claim: Claim, worker: str, reason: WaitReason, why: str, waiting: JSON = None
) -> StepSuspended:
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        reason=reason.value,
        after=holds.LOOK_AGAIN,
        waiting=waiting,
        why=why,
    )


def _guarded(claim: Claim, call: Call, values: JSON, worker: str) -> tuple[Call, Fact | None]:
    """Run the guardrails before the step: its call, perhaps redacted, or what stops it."""
    checks = guardrails.checks_of(claim, "before")
    if not checks:
        return call, None
    name, content = guardrails.content_of(claim, call.settings)
    verdict = guardrails.guardrails_run(claim, call, content, checks, at="before")
    if verdict.value != content:
        settings = verdict.value if name is None else {**call.settings, name: verdict.value}
        call = replace(call, settings=settings)
    match verdict.action:
        case "block":
            return call, failure(claim, worker, verdict.code, verdict.why)
        case "queue":
            return call, _waits(claim, worker, WaitReason.RATE, verdict.why)
        case "hold":
            return call, _held(claim, call, values, verdict.why, worker)
    return call, None


def _held(claim: Claim, call: Call, values: JSON, why: str, worker: str) -> Fact | None:
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
        effect=_effect(claim, call)[0].value,
        reason=WaitReason.APPROVAL.value,
        request=settings,
        action=action,
        digest=digest,
        why=why,
        input=call.settings,
    )


def _exclusive(claim: Claim, worker: str) -> Fact | None:
    """Wait while another step of the run holds the name that this one needs."""
    name = claim.node.spec.get("exclusive")
    if not name or holds.hold_take(run_id=claim.run_id, name=name, step_run=claim.id):
        return None
    why = f"another step holds {name}"
    return _waits(claim, worker, WaitReason.EXCLUSIVE, why, {"name": name})


def _cached(claim: Claim, call: Call, worker: str) -> Fact | None:
    key = cache.cache_digest(claim.node.kind.action(call))
    found = cache.cache_get(
        workspace_id=claim.context.workspace_id, key=key, setting=claim.node.spec["cache"]
    )
    if found is None:
        return None
    output, source = found
    return StepSucceeded(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        input=call.settings,
        output=output,
        why="the same call was answered before",
        data={"cached": source},
    )


def provisional_before(claim: Claim) -> bool:
    """Tell whether a step that this one follows, at any depth, is still under parallel review."""
    found = StepRun.objects.filter(
        run_id=claim.run_id, is_current=True, state="waiting", reason="review", port__isnull=False
    ).values_list("scope_id", "step")
    if not found:
        return _parent_is_provisional(claim)
    levels = dict(claim.setting.levels())
    inner = claim.path.split(".")
    for scope_id, step in found:
        graph = levels.get(scope_id)
        if graph is None or step not in graph.nodes:
            continue
        depth = list(levels).index(scope_id)
        own = inner[depth].partition("[")[0] if depth < len(inner) else ""
        if own in graph.after(step):
            return True
    return _parent_is_provisional(claim)


def _parent_is_provisional(claim: Claim) -> bool:
    """A child run waits with the steps of its parent that are under review."""
    if claim.context.depth == 0:
        return False
    parent = Run.objects.filter(pk=claim.run_id).values_list("parent_id", flat=True).first()
    return (
        parent is not None
        and StepRun.objects.filter(
            run_id=parent, is_current=True, state="waiting", reason="review", port__isnull=False
        ).exists()
    )


def _settings(claim: Claim, values: JSON) -> dict[str, JSON]:
    """Give the step's `with`, rendered; what was fixed before is never rendered again."""
    kind, spec = claim.node.kind, claim.node.spec
    if claim.input is not None:
        settings = claim.input
    elif spec.get("problem"):  # of an undo that could not be completed: a person gives its input
        raise ExpressionError("undo_incomplete", spec["problem"])
    elif spec.get("rendered"):
        settings = dict(claim.node.settings)
    else:
        settings = render(dict(claim.node.settings), kind.settings, values)
    edited = (claim.progress or {}).get("edited")
    return kind.edited(settings, edited) if edited is not None else settings


def _call(
    claim: Claim,
    settings: dict[str, JSON],
    values: JSON,
    results: Mapping[Place, Result],
    cancelled: threading.Event,
) -> Call:
    context, spec = claim.context, claim.node.spec
    limit = duration_parse(spec["timeout"]).total_seconds() if spec.get("timeout") else None

    def evaluate(source: str, *, gives_any: bool = False, **variables: JSON) -> JSON:
        compiled = value_of(f"={source}") if gives_any else condition_of(source)
        return compiled.evaluate({**values, **variables})

    return Call(
        run_id=claim.run_id,
        step_run_id=claim.id,
        workspace_id=context.workspace_id,
        path=claim.path,
        generation=claim.generation,
        attempt=claim.attempt,
        key=(claim.progress or {}).get("key") or f"{claim.run_id}/{claim.path}/{claim.generation}",
        mode="rehearsal" if context.mode == "rehearsal" else "live",
        uses_stand_in=context.uses_stand_in,
        settings=settings,
        pins=context.version.pins or {},
        sources=_sources(claim, results),
        evaluate=evaluate,
        deadline=time.monotonic() + (limit or ATTEMPT_LIMIT),
        is_cancelled=cancelled.is_set,
        actor=context.actor,
        spec=spec,
        budget=budgets.budget_of(claim),
    )


def _sources(claim: Claim, results: Mapping[Place, Result]) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for source, port in claim.node.incoming:
        result = results.get((claim.scope_id, source))
        if result is None:
            continue
        is_taken = port in ports_taken(result.port)
        known = found.get(source)
        found[source] = Source(
            state=result.state,
            taken=is_taken or (known is not None and known.taken),
            output=result.output,
            error=result.error,
        )
    return found


def _effect(claim: Claim, call: Call) -> tuple[Effect, bool]:
    """The step's own words stand before its tool's; an undo says that something changes."""
    effect, is_idempotent = claim.node.kind.effect_of(call)
    spec = claim.node.spec
    if spec.get("effect"):
        effect = Effect(spec["effect"])
    elif spec.get("undo") and effect is Effect.NONE:
        effect = Effect.REVERSIBLE
    if spec.get("idempotent") is not None:
        is_idempotent = bool(spec["idempotent"])
    elif effect is Effect.NONE:
        is_idempotent = True
    return effect, is_idempotent


def _gate(claim: Claim, call: Call, values: JSON, effect: Effect, worker: str) -> Fact | None:
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


RISKS = ("low", "medium", "high", "critical")
AS_WRITTEN = ("when", "relax", "form")  # of a gate: never evaluated with the rest


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


def _fix(prepared: Prepared) -> Prepared | None:
    """Store what is about to be sent, and its undo, before anything is sent."""
    if prepared.effect is Effect.NONE:
        return prepared
    claim = prepared.claim
    with transaction.atomic():
        is_ours = proposal_fix(
            claim=claim,
            input=prepared.call.settings,
            effect=prepared.effect.value,
            is_idempotent=prepared.is_idempotent,
        )
        spec = undo_spec(prepared)
        if is_ours and spec is not None:
            undo.undo_record(
                run_id=claim.run_id,
                step_run=claim.id,
                path=claim.path,
                generation=claim.generation,
                spec=spec,
            )
    return prepared if is_ours else None


def undo_spec(prepared: Prepared) -> JSON:
    """Give what reverses the step: its own `undo`, else its tool's; an undo has none."""
    if "undoes" in prepared.claim.node.spec:
        return None
    return prepared.claim.node.spec.get("undo") or prepared.claim.node.kind.undo(prepared.call)


def undo_render(prepared: Prepared, output: JSON) -> JSON:
    """Complete the undo by the step's output; None where there is none."""
    spec = undo_spec(prepared)
    if spec is None:
        return None
    shown = {**prepared.values, "output": output}
    try:
        return value_of(spec).evaluate(shown)
    except ExpressionError as error:
        return {**spec, "problem": error.message}
