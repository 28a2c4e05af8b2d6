"""Every body of a definition that steps can be added to, with the keys that lead to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.core.definition.ports import BODIES

JSON = Any
Key = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyAt:
    """A body, or the place for one.

    `path` joins the ids around it (and a state's name) by dots, empty for the root; `name` is
    the state's where a step has several bodies.
    """

    path: str
    name: str
    keys: tuple[Key, ...]
    body: Mapping[str, JSON]
    step: str  # the path of the step that it belongs to

    def steps(self) -> list[Mapping[str, JSON]]:
        """Give the steps that have an id."""
        found = self.body.get("steps")
        return [
            step
            for step in (found if isinstance(found, list) else ())
            if isinstance(step, Mapping) and isinstance(step.get("id"), str)
        ]

    def edges(self) -> list[tuple[str, str, str]]:
        """Give the edges as (step, port, step)."""
        found = self.body.get("edges")
        return [
            edge_ends(edge)
            for edge in (found if isinstance(found, list) else ())
            if isinstance(edge, Mapping) and isinstance(edge.get("from"), str)
        ]

    def path_of(self, step: str) -> str:
        """Give the path of one of its steps."""
        return f"{self.path}.{step}" if self.path else step


def bodies_of(definition: Mapping[str, JSON]) -> list[BodyAt]:
    """Give the root and every body within, each after the one around it."""
    return list(_within(BodyAt(path="", name="", keys=(), body=definition, step="")))


def body_find(definition: Mapping[str, JSON], path: str) -> BodyAt | None:
    """Give the body of that path, or None."""
    return next((one for one in bodies_of(definition) if one.path == path), None)


def step_find(
    definition: Mapping[str, JSON], path: str
) -> tuple[BodyAt, Mapping[str, JSON]] | None:
    """Give a step and the body that it stands in, or None."""
    for body in bodies_of(definition):
        for step in body.steps():
            if body.path_of(step["id"]) == path:
                return body, step
    return None


def edge_ends(edge: Mapping[str, JSON]) -> tuple[str, str, str]:
    """Give the step, the port and the step that an edge joins."""
    source, _, port = str(edge.get("from")).partition(".")
    return source, port or "done", str(edge.get("to"))


def _within(at: BodyAt) -> Iterator[BodyAt]:
    yield at
    steps = at.body.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if not isinstance(step, Mapping) or not isinstance(step.get("id"), str):
            continue
        path = at.path_of(step["id"])
        for rule in BODIES.get(str(step.get("kind")), ()):
            if rule["holds"] != "body":
                continue
            for name, keys, body in _matches(step, list(rule["path"]), (), ""):
                if isinstance(body, Mapping):
                    yield from _within(
                        BodyAt(
                            path=f"{path}.{name}" if name else path,
                            name=name,
                            keys=(*at.keys, "steps", index, *keys),
                            body=body,
                            step=path,
                        )
                    )


def _matches(
    value: JSON, path: list[str], keys: tuple[Key, ...], name: str
) -> Iterator[tuple[str, tuple[Key, ...], JSON]]:
    if not path:
        yield name, keys, value
    elif path[0] == "*":
        for key, item in value.items() if isinstance(value, Mapping) else ():
            yield from _matches(item, path[1:], (*keys, key), str(key))
    elif isinstance(value, Mapping) and (path[0] in value or len(path) == 1):
        yield from _matches(value.get(path[0], {}), path[1:], (*keys, path[0]), name)
