"""Replace every composite kind by the primitives that it runs as."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.kinds import Kind, kinds

JSON = Any
DEPTH_LIMIT = 40


def expand(definition: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the definition with only primitive kinds; a composite keeps `origin` {kind, with}.

    Layout is left out: it is how the definition is drawn, not what it means.

    Raises:
        ValueError: kinds expand into each other without end.
    """
    return _body_expand(definition, 0)


def step_expand(step: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give one step as primitives, with everything inside it."""
    return _step_expand(step, 0)


def _body_expand(body: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
    expanded = {key: value for key, value in body.items() if key != "layout"}
    expanded["steps"] = [_step_expand(step, depth) for step in body.get("steps") or ()]
    expanded["edges"] = list(body.get("edges") or ())
    return expanded


def _step_expand(step: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
    if depth > DEPTH_LIMIT:
        raise ValueError(f"the step {step.get('id')} is nested deeper than {DEPTH_LIMIT}")
    expanded = dict(step)
    kind = kinds().get(str(step.get("kind")))
    if kind is None:
        return expanded
    if kind.primitive is None:
        origin = {"kind": step["kind"], "with": step.get("with") or {}}
        expanded = kind.expand({**step, "with": step.get("with") or {}})
        expanded.setdefault("origin", origin)
        return _step_expand(expanded, depth + 1)
    settings = step.get("with")
    if isinstance(settings, Mapping):
        if other := kind.runs_as(settings):
            expanded |= {"kind": other, "origin": {"kind": kind.name, "with": settings}}
        expanded["with"] = _bodies_expand(kind, settings, depth)
    return expanded


def _bodies_expand(kind: Kind, settings: Mapping[str, JSON], depth: int) -> JSON:
    inner = {id(body): _body_expand(body, depth + 1) for body in kind.bodies(settings).values()}
    return _replace(settings, inner) if inner else dict(settings)


def _replace(value: JSON, inner: Mapping[int, JSON]) -> JSON:
    """Give the settings with each body, found by identity, replaced."""
    if id(value) in inner:
        return inner[id(value)]
    if isinstance(value, Mapping):
        return {key: _replace(item, inner) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace(item, inner) for item in value]
    return value
