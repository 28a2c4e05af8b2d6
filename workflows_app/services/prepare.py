"""From a claim to a call: conditions, rendered settings, gates, and the proposal fixed.

No lock is held here. What a step names was settled before it became ready, so its values do
not change; a claim that is lost meanwhile makes the result of this worthless, not wrong.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from workflows_app.core.engine.draft import ENDED
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.expressions.rendering import expression_refs, render
from workflows_app.core.facts import Fact, StepSkipped, StepSuspended
from workflows_app.core.graph import Node
from workflows_app.core.kinds import Call, Done
from workflows_app.core.states import Effect, WaitReason
from workflows_app.services import guardrails, holds
from workflows_app.services.batch import Claim
from workflows_app.services.calls import call_make, effect_of_call, failure
from workflows_app.services.event_waits import arms_open
from workflows_app.services.gates import gate_ask, gate_hold
from workflows_app.services.kept_results import kept_get, may_be_kept
from workflows_app.services.prepared import Prepared, body_open, opens_body, proposal_write
from workflows_app.services.provisional import provisional_before
from workflows_app.services.values import (
    Place,
    Result,
    condition_of,
    results_load,
    values_build,
)

JSON = Any


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
    known = {place: result for claim in claims for place, result in claim.known.items()}
    places = [place for claim in claims for place in claim_places(claim)]
    results = known | results_load(place for place in places if place not in known)
    return [
        _ended(claim, results)
        if ENDED in (claim.progress or {})
        else claim_prepare(claim, results, worker=worker)
        for claim in claims
    ]


def claim_places(claim: Claim) -> Iterable[Place]:
    """Give where the results are that a step's expressions name; its own, once its body ended."""
    places = claim.setting.places(node_refs(claim.node)).values()
    return (*places, _own(claim)) if ENDED in (claim.progress or {}) else places


def _own(claim: Claim) -> Place:
    return claim.scope_id, claim.node.id


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
    call = call_make(claim, settings, values, results, cancelled)
    call, stopped = _guarded(claim, call, values, worker)
    if stopped is not None:
        return stopped
    effect, is_idempotent = effect_of_call(claim, call)
    if spec.get("approval"):
        question = gate_ask(claim, call, values, effect, worker)
        if question is not None:
            return question
    if effect is Effect.IRREVERSIBLE and "undoes" not in spec and (on := provisional_before(claim)):
        why = "what it rests on is still being reviewed"
        return _waits(claim, worker, WaitReason.REVIEW, why, {"on": [str(one) for one in on]})
    prepared = Prepared(claim, call, values, effect, is_idempotent, cancelled)
    if may_be_kept(prepared) and (known := kept_get(prepared)) is not None:
        return known
    return body_open(prepared, worker) if opens_body(claim.node) else proposal_write(prepared)


def _ended(claim: Claim, results: dict[Place, Result]) -> Prepared:
    """Give a step whose body has ended: nothing is carried out, what it gave is looked at."""
    more = {"feedback": claim.feedback} if claim.feedback is not None else {}
    values = values_build(claim.setting, node_refs(claim.node), results, **more)
    done = Done(output=results[_own(claim)].output, port=(claim.progress or {})[ENDED])
    cancelled = threading.Event()
    call = call_make(claim, dict(claim.input or {}), values, results, cancelled)
    effect, is_idempotent = effect_of_call(claim, call)
    return Prepared(claim, call, values, effect, is_idempotent, cancelled, done)


def _waits(
    claim: Claim,
    worker: str,
    reason: WaitReason,
    why: str,
    waiting: JSON = None,
    after: float = holds.LOOK_AGAIN,
) -> StepSuspended:
    return StepSuspended(
        step_run=claim.id,
        token=claim.token,
        actor=worker,
        reason=reason.value,
        after=after,
        waiting=waiting,
        why=why,
    )


def _guarded(claim: Claim, call: Call, values: JSON, worker: str) -> tuple[Call, Fact | None]:
    """Run the guardrails before the step: its call, perhaps redacted, or what stops it."""
    if why := guardrails.stop_of(claim):
        told = {"stopped": True}
        after = guardrails.STOPPED_FOR
        return call, _waits(claim, worker, WaitReason.BREAKER, why, told, after)
    checks = guardrails.checks_of(claim, "before")
    if not checks:
        return call, None
    name, content = guardrails.content_of(claim, call.settings)
    verdict = guardrails.guardrails_run(claim, call, content, checks, at="before")
    if verdict.value != content and not _was_sent(claim):
        settings = verdict.value if name is None else {**call.settings, name: verdict.value}
        call = replace(call, settings=settings)
    match verdict.action:
        case "block":
            return call, failure(claim, worker, verdict.code, verdict.why)
        case "queue":
            return call, _waits(claim, worker, WaitReason.RATE, verdict.why)
        case "hold":
            return call, gate_hold(claim, call, values, verdict.why, worker)
    return call, None


def _was_sent(claim: Claim) -> bool:
    """Tell whether this may have gone out before, under the key that is used again.

    A key is always sent with the same bytes: a redaction that came into force meanwhile holds
    from the next step on.
    """
    return claim.input is not None and (claim.attempt > 1 or "key" in (claim.progress or {}))


def _exclusive(claim: Claim, worker: str) -> Fact | None:
    """Wait while another step of the run holds the name that this one needs."""
    name = claim.node.spec.get("exclusive")
    if not name or holds.hold_take(run_id=claim.run_id, name=name, step_run=claim.id):
        return None
    why = f"another step holds {name}"
    return _waits(claim, worker, WaitReason.EXCLUSIVE, why, {"name": name})


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
