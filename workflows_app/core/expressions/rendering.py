"""Render a step's settings, and find the steps that its expressions name."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from workflows_app.core.definition.fields import VALUE, Part, Plan, parts, plan_of
from workflows_app.core.definition.markers import Condition, Evaluated
from workflows_app.core.definition.models import RISK_LEVELS, Step
from workflows_app.core.expressions.compile import compile_condition, compile_expression
from workflows_app.core.expressions.problems import ExpressionProblem
from workflows_app.core.expressions.templates import compile_value
from workflows_app.core.kinds import Kind, kinds

JSON = Any
# Names that an expression may use although this run has nothing under them: they are null.
ALWAYS = frozenset({"input", "steps", "run", "feedback", "error", "event", "item", "index"}) | {
    "iteration", "previous", "state", "states", "output", "proposal", "votes", "attempts",
    "elapsed", "data",
}  # fmt: skip


def render(settings: Mapping[str, JSON], model: type[BaseModel], values: Any) -> dict[str, JSON]:
    """Give a step's `with` with every value evaluated; what its model marks stays as written.

    Args:
        values: the variables, plain JSON; one may be a function that gives it when it is named.

    Raises:
        ExpressionError: an expression failed.
    """
    fields = plan_of(model).fields
    known = ALWAYS.union(values)
    return {
        key: _render(value, fields.get(key, VALUE), values, known)
        for key, value in settings.items()
    }


def render_value(value: JSON, values: Any) -> JSON:
    """Give any JSON of a definition with every value in it evaluated.

    Raises:
        ExpressionError: an expression failed.
    """
    return compile_value(value, ALWAYS.union(values)).evaluate(values)


def _render(value: JSON, plan: Plan, values: Any, known: Collection[str]) -> JSON:
    if plan.marker is not None:
        return value
    if plan.fields and isinstance(value, Mapping):
        return {
            key: _render(item, plan.fields.get(key, VALUE), values, known)
            for key, item in value.items()
        }
    if plan.each is not None and isinstance(value, list):
        return [_render(item, plan.each, values, known) for item in value]
    if plan.each is not None and isinstance(value, Mapping):
        return {key: _render(item, plan.each, values, known) for key, item in value.items()}
    return compile_value(value, known).evaluate(values)


def expression_refs(step: Mapping[str, JSON], kind: Kind) -> frozenset[str]:
    """Give the ids of the steps that a step's own expressions name; bodies inside are left out.

    What does not compile names nothing: that is found when the definition is checked.
    """
    found: set[str] = set()
    for part in step_parts(step, kind):
        found |= _refs(part)
    return frozenset(found)


def step_parts(step: Mapping[str, JSON], kind: Kind | None) -> list[Part]:
    """Give every part of a step with its pointer inside the step."""
    own = {key: value for key, value in step.items() if key not in _APART}
    found = list(parts(own, Step))
    settings = step.get("with")
    if kind is not None and isinstance(settings, Mapping):
        found += parts(settings, kind.settings, "/with")
    for name in ("approval", "review"):
        gate = step.get(name)
        if isinstance(gate, Mapping):
            found += _gate_parts(gate, name)
    risk = step.get("risk")
    if isinstance(risk, str) and risk not in RISK_LEVELS:
        is_value = risk.startswith("=")
        marker = None if is_value else Condition(more=("proposal",), is_boolean=False)
        found.append(Part("/risk", risk, marker))
    found += _guardrail_parts(step.get("guardrails"))
    return found


_APART = ("with", "approval", "review", "risk", "guardrails")


def _gate_parts(gate: Mapping[str, JSON], name: str) -> list[Part]:
    model = getattr(kinds().get("approval"), "gate" if name == "approval" else "review", None)
    if model is not None:
        return list(parts(gate, model, f"/{name}"))
    more = ("proposal",) if name == "approval" else ("proposal", "output")
    return [
        Part(f"/{name}/{key}", value, Condition(more=more) if key == "when" else None)
        for key, value in gate.items()
        if key != "form"
    ]


def _guardrail_parts(guardrails: JSON) -> list[Part]:
    """A `rule` has a condition, `change` compares two values; the rest is fixed."""
    found = []
    for index, check in enumerate(guardrails if isinstance(guardrails, list) else ()):
        if not isinstance(check, Mapping):
            continue
        pointer = f"/guardrails/{index}"
        if check.get("check") == "rule" and "when" in check:
            marker = Condition(more=("proposal", "output"))
            found.append(Part(f"{pointer}/when", check["when"], marker))
        for key in ("from", "to", "of"):
            if isinstance(check.get(key), str):
                marker = Condition(more=("proposal", "output"), is_boolean=False)
                found.append(Part(f"{pointer}/{key}", check[key].removeprefix("="), marker))
    return found


def _refs(part: Part) -> frozenset[str]:
    try:
        if part.marker is None or isinstance(part.marker, Evaluated):
            return compile_value(part.value, ALWAYS).refs
        if isinstance(part.marker, Condition) and isinstance(part.value, str):
            compiler = compile_condition if part.marker.is_boolean else compile_expression
            return compiler(part.value, ALWAYS).refs
    except ExpressionProblem:
        pass
    return frozenset()
