"""What a step's handler is given: its settings, sources, key and deadline, and what it may do."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from workflows_app.core.durations import duration_parse
from workflows_app.core.facts import StepFailed
from workflows_app.core.graph import ports_taken
from workflows_app.core.kinds import Call, Source
from workflows_app.core.states import Effect
from workflows_app.services import budgets
from workflows_app.services.batch import Claim
from workflows_app.services.values import Place, Result, condition_of, value_of

JSON = Any
ATTEMPT_LIMIT = 600.0  # seconds for one attempt where the step sets no `timeout`


def failure(claim: Claim, worker: str, code: str, message: str, **more: Any) -> StepFailed:
    """Give the fact that this claim failed before it acted."""
    return StepFailed(
        step_run=claim.id, token=claim.token, actor=worker, code=code, message=message, **more
    )


def call_make(
    claim: Claim,
    settings: dict[str, JSON],
    values: JSON,
    results: Mapping[Place, Result],
    cancelled: threading.Event,
) -> Call:
    """Give what the handler of a claimed step is called with."""
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


def effect_of_call(claim: Claim, call: Call) -> tuple[Effect, bool]:
    """Give what a call may change and whether it may be repeated.

    The step's own words stand before its tool's; an undo says that something changes.
    """
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
