"""Steps inside the settings of another step, as expansions place them in a body."""

from collections.abc import Iterable, Mapping
from typing import Any

from workflows_app.core.graph import FAILURE_PORTS
from workflows_app.core.kinds import kinds

JSON = Any


def steps_of(specs: Any, word: str) -> list[dict[str, JSON]]:
    """Give steps with their ids; one without is named by its place, such as `option_1`."""
    return [
        {**spec, "id": spec.get("id") or f"{word}_{index + 1}"}
        for index, spec in enumerate(specs if isinstance(specs, list) else ())
        if isinstance(spec, Mapping)
    ]


def edge(source: str, target: str) -> dict[str, str]:
    """Give one edge."""
    return {"from": source, "to": target}


def failure_edges(step: Mapping[str, JSON], target: str) -> list[dict[str, str]]:
    """Give an edge from each port by which this step may fail; refusals are not among them."""
    kind = kinds().get(str(step.get("kind")))
    ports: Iterable[str] = kind.ports(step.get("with") or {}) if kind else ()
    failing = ["error", *(port for port in ports if port in FAILURE_PORTS)]
    return [edge(f"{step['id']}.{port}", target) for port in dict.fromkeys(failing)]


def as_group(step: Mapping[str, JSON], body: dict[str, JSON], **settings: JSON) -> dict[str, JSON]:
    """Give a composite step as the group that it becomes."""
    return {
        **step,
        "kind": "group",
        "with": {"body": body, **settings},
        "origin": {"kind": step["kind"], "with": step.get("with") or {}},
    }
