"""Edits of a definition's structure: pure, each gives a new definition or says why not."""

import re
from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.bodies import BodyAt, bodies_of, body_find, edge_ends, step_find
from workflows_app.core.definition.changes import json_copy
from workflows_app.core.definition.models import ID_PATTERN
from workflows_app.core.definition.ports import connection_refusal, ports_of

JSON = Any
Definition = dict[str, JSON]


class EditRefused(ValueError):
    """The edit makes no sense there; the message is for people."""


def ids_of(definition: Mapping[str, JSON]) -> frozenset[str]:
    """Give the ids of all steps, at any depth: a new id is best none of them."""
    return frozenset(step["id"] for body in bodies_of(definition) for step in body.steps())


def id_free(definition: Mapping[str, JSON], wanted: str) -> str:
    """Give the wanted id, or the same with a number where a step has it."""
    taken = ids_of(definition)
    base = re.sub(r"\W+", "_", wanted.strip().lower()).strip("_")[:80] or "step"
    base = base if re.match(ID_PATTERN, base) else f"step_{base}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def step_add(
    definition: Mapping[str, JSON],
    *,
    body: str,
    step: Mapping[str, JSON],
    after: tuple[str, str] | None = None,
    between: bool = False,
) -> Definition:
    """Add a step to the body of that path.

    Args:
        after: the step and the port that lead to it; None leaves it without connection.
        between: what followed that port follows the new step instead.

    Raises:
        EditRefused: the id is none or taken, or the port cannot lead there.
    """
    made, holder = _copy(definition, body)
    name = str(step.get("id"))
    if not re.fullmatch(ID_PATTERN, name) or name.startswith("_"):
        raise EditRefused("An id begins with a letter and has letters, digits and _ only.")
    if name in ids_of(definition):
        raise EditRefused(f"There is already a step called {name}: choose another id.")
    edges = _list(holder, "edges")
    _list(holder, "steps").append(json_copy(step))
    if after is not None:
        if between:
            _turn_over(holder, after, name)
        _refuse(holder, *after, name)
        edges.append(_edge(*after, name))
    return made


def step_delete(
    definition: Mapping[str, JSON], *, path: str, closes_gap: bool = False
) -> Definition:
    """Take a step away with its edges; closing the gap joins what led to it to what followed.

    Raises:
        EditRefused: there is no such step.
    """
    at, step = _step(definition, path)
    made, holder = _copy(definition, at.path)
    _take_out(holder, step["id"], closes_gap=closes_gap)
    return made


def connect(
    definition: Mapping[str, JSON], *, body: str, source: str, port: str, target: str
) -> Definition:
    """Lead a port to a step.

    Raises:
        EditRefused: the connection is not allowed.
    """
    made, holder = _copy(definition, body)
    _refuse(holder, source, port, target)
    _list(holder, "edges").append(_edge(source, port, target))
    return made


def disconnect(
    definition: Mapping[str, JSON], *, body: str, source: str, port: str, target: str
) -> Definition:
    """Take a connection away.

    Raises:
        EditRefused: it is not there.
    """
    made, holder = _copy(definition, body)
    edges = _list(holder, "edges")
    kept = [edge for edge in edges if edge_ends(edge) != (source, port, target)]
    if len(kept) == len(edges):
        raise EditRefused("That connection is not there any more.")
    holder["edges"] = kept
    return made


def step_move(
    definition: Mapping[str, JSON],
    *,
    path: str,
    body: str,
    after: tuple[str, str] | None = None,
) -> Definition:
    """Put a step behind a port, in its own body or another; the gap that it leaves is closed.

    Raises:
        EditRefused: it cannot stand there.
    """
    at, step = _step(definition, path)
    if body == path or body.startswith(f"{path}."):
        raise EditRefused("A step cannot move into itself.")
    if after is not None and after[0] == step["id"] and body == at.path:
        raise EditRefused("A step cannot follow itself.")
    made, holder = _copy(definition, at.path)
    taken = _take_out(holder, step["id"], closes_gap=True)
    return step_add(made, body=body, step=taken, after=after, between=after is not None)


def step_shift(definition: Mapping[str, JSON], *, path: str, is_earlier: bool) -> Definition:
    """Exchange a step with the one that leads to it, or that it leads to.

    Raises:
        EditRefused: there is none, or the ports do not allow it.
    """
    at, step = _step(definition, path)
    name, edges = step["id"], at.edges()
    before = next((source for source, _, target in edges if target == name), "")
    behind = next(
        (target for source, port, target in edges if (source, port) == (name, "done")), ""
    )
    other = before if is_earlier else behind
    if not other and (before or behind):
        raise EditRefused(f"{name} is the {'first' if is_earlier else 'last'} here already.")
    if not other:
        raise EditRefused(f"{name} is not connected: choose below what it shall come after.")
    if not is_earlier:
        return step_move(definition, path=path, body=at.path, after=(other, "done"))
    made, holder = _copy(definition, at.path)
    taken = _take_out(holder, name, closes_gap=True)
    _list(holder, "steps").append(json_copy(taken))
    for source, port, target in [edge_ends(edge) for edge in holder["edges"]]:
        if target == other:
            holder["edges"].remove(_edge(source, port, target))
            _refuse(holder, source, port, name)
            holder["edges"].append(_edge(source, port, name))
    _refuse(holder, name, "done", other)
    holder["edges"].append(_edge(name, "done", other))
    return made


def _copy(definition: Mapping[str, JSON], path: str) -> tuple[Definition, Definition]:
    """Give a copy of the definition and the body of that path within it."""
    at = body_find(definition, path)
    if at is None:
        raise EditRefused(f"There is no body {path or 'here'} any more.")
    made = json_copy(definition)
    holder = made
    for key in at.keys:
        holder = holder[key] if isinstance(key, int) else holder.setdefault(key, {})
    return made, holder


def _step(definition: Mapping[str, JSON], path: str) -> tuple[BodyAt, Mapping[str, JSON]]:
    found = step_find(definition, path)
    if found is None:
        raise EditRefused(f"There is no step {path} any more.")
    return found


def _list(holder: Definition, name: str) -> list[JSON]:
    if not isinstance(holder.get(name), list):
        holder[name] = []
    found: list[JSON] = holder[name]
    return found


def _edge(source: str, port: str, target: str) -> dict[str, str]:
    return {"from": source if port == "done" else f"{source}.{port}", "to": target}


def _refuse(holder: Definition, source: str, port: str, target: str) -> None:
    refusal = connection_refusal(holder, source, port, target)
    if refusal is not None:
        raise EditRefused(refusal[1])


def _turn_over(holder: Definition, after: tuple[str, str], name: str) -> None:
    """Let what followed a port follow the new step's `done`, where that has such a port."""
    new = next(step for step in holder["steps"] if step.get("id") == name)
    if "done" not in ports_of(new):
        return
    for place, edge in enumerate(holder["edges"]):
        source, port, target = edge_ends(edge)
        if (source, port) == after:
            holder["edges"][place] = _edge(name, "done", target)


def _take_out(holder: Definition, name: str, *, closes_gap: bool) -> Mapping[str, JSON]:
    steps, edges = _list(holder, "steps"), _list(holder, "edges")
    step: Mapping[str, JSON] = next(one for one in steps if one.get("id") == name)
    holder["steps"] = [one for one in steps if one is not step]
    ends = [edge_ends(edge) for edge in edges if isinstance(edge, Mapping)]
    holder["edges"] = [edge for edge in edges if name not in edge_ends(edge)[::2]]
    if isinstance(holder.get("layout"), dict):
        holder["layout"].pop(name, None)
    if closes_gap:
        before = [(source, port) for source, port, target in ends if target == name]
        behind = [target for source, port, target in ends if (source, port) == (name, "done")]
        for source, port in before:
            for target in behind:
                if connection_refusal(holder, source, port, target) is None:
                    holder["edges"].append(_edge(source, port, target))
    return step
