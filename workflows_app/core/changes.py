"""New settings for steps that have not started: expanded as at publishing, bodies and all."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.expand import step_expand
from workflows_app.core.graph import body_key, graphs_compile
from workflows_app.core.kinds import kinds

JSON = Any
OWN_BODY = "own_body"  # in a step's spec: its bodies are this run's own, not the version's


def steps_by_body(definition: Mapping[str, JSON]) -> dict[str, dict[str, JSON]]:
    """Give the steps of a definition as they were written, by the key of their body and id.

    What only an expansion makes is not there.
    """
    found: dict[str, dict[str, JSON]] = {}

    def visit(key: str, body: Mapping[str, JSON]) -> None:
        found[key] = {step["id"]: step for step in body.get("steps") or ()}
        for name, step in found[key].items():
            kind = kinds().get(str(step.get("kind")))
            settings = step.get("with") or {}
            for part, inner in (kind.bodies(settings) if kind else {}).items():
                visit(body_key(key, name, part), inner)

    visit("", definition)
    return found


def step_with(step: Mapping[str, JSON], settings: JSON) -> dict[str, JSON]:
    """Give a step with other settings as primitives; its bodies are marked as the run's own."""
    return _own(step_expand({**step, "with": settings}))


def _own(step: dict[str, JSON]) -> dict[str, JSON]:
    kind = kinds().get(str(step.get("kind")))
    bodies = kind.bodies(step.get("with") or {}) if kind else {}
    if not bodies:
        return step
    inner = {
        id(body): {**body, "steps": [_own(one) for one in body.get("steps") or ()]}
        for body in bodies.values()
    }
    return {**step, "with": _replaced(step["with"], inner), OWN_BODY: True}


def _replaced(value: JSON, inner: Mapping[int, JSON]) -> JSON:
    if id(value) in inner:
        return inner[id(value)]
    if isinstance(value, Mapping):
        return {key: _replaced(item, inner) for key, item in value.items()}
    if isinstance(value, list):
        return [_replaced(item, inner) for item in value]
    return value


def has_same_shape(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> bool:
    """Tell whether two forms of a step hold the same bodies with the same steps."""
    return _shape(before) == _shape(after)


def _shape(step: Mapping[str, JSON]) -> dict[str, list[str]]:
    graphs = graphs_compile({"steps": [step], "edges": []})
    return {key: sorted(graph.nodes) for key, graph in graphs.items()}


def own_body(spec: Mapping[str, JSON], part: str = "") -> JSON:
    """Give a body that this run changed, as data; None where it is the version's."""
    if not spec.get(OWN_BODY):
        return None
    return kinds()[str(spec["kind"])].bodies(spec.get("with") or {}).get(part)
