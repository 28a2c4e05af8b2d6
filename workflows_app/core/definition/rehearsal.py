"""What a test run runs: the draft, with pinned outputs and nothing behind the chosen step.

Pure: a definition in, a definition out. The engine runs it like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.core.definition.bodies import BodyAt, edge_ends
from workflows_app.core.definition.changes import json_copy

JSON = Any
KEPT = ("id", "name", "join", "rest")  # of a pinned step: what places it in the graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """An output that is given instead of running a step, and the port that is taken."""

    step: str
    output: JSON
    port: str = "done"


def rehearsal_of(
    definition: Mapping[str, JSON],
    *,
    pins: Mapping[str, Pin] | None = None,
    until: str = "",
) -> dict[str, JSON]:
    """Give the definition that a test run runs.

    Args:
        pins: by the id of a step of the first level; what it does is replaced by its output.
        until: the path of a step. Of the first level only what leads to it stays; a step inside
            another runs until that other one ends.
    """
    made: dict[str, JSON] = json_copy(definition)
    made.pop("triggers", None)
    if until:
        _cut(made, until.partition(".")[0])
    for step in _steps(made):
        pin = (pins or {}).get(str(step.get("id")))
        if pin is not None:
            _pin(made, step, pin)
    return made


def literal(value: JSON) -> JSON:
    """Give JSON that evaluates to this very value, whatever its texts look like."""
    if isinstance(value, str):
        return f"={value}" if value.startswith("=") else value.replace("{{", '{{ "{{" }}')
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, Mapping):
        return {key: literal(item) for key, item in value.items()}
    return value


def _steps(definition: Mapping[str, JSON]) -> list[Any]:
    return BodyAt(path="", name="", keys=(), body=definition, step="").steps()


def _cut(made: dict[str, JSON], last: str) -> None:
    edges = [edge for edge in made.get("edges") or () if isinstance(edge, Mapping)]
    kept, pending = {last}, [last]
    while pending:
        here = pending.pop()
        for edge in edges:
            source, _, target = edge_ends(edge)
            if target == here and source not in kept:
                kept.add(source)
                pending.append(source)
    made["steps"] = [step for step in _steps(made) if step["id"] in kept]
    made["edges"] = [
        edge for edge in edges if kept >= set(edge_ends(edge)[::2]) and edge_ends(edge)[0] != last
    ]
    made["output"] = f"=steps.{last}.output"


def _pin(made: dict[str, JSON], step: dict[str, JSON], pin: Pin) -> None:
    """Let a transform give the output; its `error` is the port of all that was not taken."""
    kept = {name: step[name] for name in KEPT if name in step}
    step.clear()
    step.update(
        {
            **kept,
            "kind": "transform",
            "description": "Pinned: this output was given, the step itself was not run.",
            "with": {"value": literal(pin.output)},
        }
    )
    seen = set()
    edges = []
    for edge in made.get("edges") or ():
        source, port, target = edge_ends(edge)
        if source == pin.step:
            source = source if port == pin.port else f"{source}.error"
            edge = {"from": source, "to": target}
        key = (edge.get("from"), edge.get("to"))
        if key not in seen:
            seen.add(key)
            edges.append(edge)
    made["edges"] = edges
