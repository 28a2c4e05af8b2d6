"""A claim that may act: what is about to be sent, and what will reverse it, written down before."""

import threading
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import ContainerOpened, Fact, StepSuspended
from workflows_app.core.graph import Node
from workflows_app.core.kinds import Call, Done
from workflows_app.core.states import Effect
from workflows_app.services import undo
from workflows_app.services.batch import Claim
from workflows_app.services.claim import proposal_fix
from workflows_app.services.containers import container_open
from workflows_app.services.values import value_of

JSON = Any


@dataclass(slots=True)
class Prepared:
    """A claim that may act."""

    claim: Claim
    call: Call
    values: JSON
    effect: Effect
    is_idempotent: bool
    cancelled: threading.Event  # set by the timekeeper once nobody waits for the call any more
    result: Done | None = None  # what its body, or the same call before, gave: it is looked at
    kept_from: str | None = None  # where that was, for a result that is used again


def opens_body(node: Node) -> bool:
    """Tell whether a step opens bodies, or runs another workflow."""
    return node.kind.primitive in ("group", "map", "loop", "workflow", "state_machine")


def body_open(prepared: Prepared, worker: str) -> Fact:
    """Open the bodies of a step; what will reverse it as a whole is written down before."""
    claim = prepared.claim
    fact = container_open(claim, prepared.call.settings, prepared.values, worker)
    if claim.node.spec.get("undo") and isinstance(fact, ContainerOpened | StepSuspended):
        _undo_record(prepared)
    return fact


def proposal_write(prepared: Prepared) -> Prepared | None:
    """Store what is about to be sent, and its undo, before anything is sent."""
    if prepared.effect is Effect.NONE:
        return prepared
    with transaction.atomic():
        is_ours = proposal_fix(
            claim=prepared.claim,
            input=prepared.call.settings,
            effect=prepared.effect.value,
            is_idempotent=prepared.is_idempotent,
        )
        if is_ours and undo_spec(prepared) is not None:
            _undo_record(prepared)
    return prepared if is_ours else None


def _undo_record(prepared: Prepared) -> None:
    claim = prepared.claim
    undo.undo_record(
        run_id=claim.run_id,
        step_run=claim.id,
        path=claim.path,
        generation=claim.generation,
        spec=undo_spec(prepared),
    )


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
