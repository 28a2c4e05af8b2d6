"""A body compiled for the engine: nodes, edges, and what can be known before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from workflows_app.core.kinds import Kind, kind_get

# A port of failure may be absorbed by an `any` or `quorum` join, or by `optional`;
# a refusal is never walked around.
FAILURE_PORTS = frozenset({"error", "disagreed", "unresolved", "exhausted"})
REFUSAL_PORTS = frozenset({"rejected", "expired", "stopped", "blocked"})
FATAL_PORTS = FAILURE_PORTS | REFUSAL_PORTS


PORT_JOINT = "+"  # between the ports that a decision of the mode `all` takes together


def ports_taken(port: str | None) -> tuple[str, ...]:
    """Give the ports that a settled step took: one, several of a decision, or none."""
    return tuple(port.split(PORT_JOINT)) if port else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """When a step with several edges may start; `count` is the quorum."""

    mode: Literal["all", "any", "quorum"]
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Node:
    """One step of a body with its edges."""

    id: str
    kind: Kind
    spec: Mapping[str, Any]
    join: Join
    outgoing: Mapping[str, tuple[str, ...]]  # port -> targets
    incoming: tuple[tuple[str, str], ...]  # (source, port)

    @cached_property
    def targets(self) -> frozenset[str]:
        """Every step that an edge of this one leads to."""
        return frozenset(target for targets in self.outgoing.values() for target in targets)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The step's `with`, as written."""
        return self.spec.get("with") or {}

    @cached_property
    def is_plain(self) -> bool:
        """Nothing stands between its claim and its act: no condition, gate or guardrail."""
        gates = ("when", "approval", "guardrails", "exclusive", "cache")
        return self.kind.primitive in ("pure", "call") and not any(map(self.spec.get, gates))

    @cached_property
    def has_attempts(self) -> bool:
        """A worker carries it out by itself; anything else opens bodies, or waits."""
        return self.kind.primitive in ("pure", "call")

    @cached_property
    def is_looked_at(self) -> bool:
        """A worker looks at what came of it, once its body or what it waited for has ended."""
        after = ("review", "guardrails", "undo", "cache")
        return not self.has_attempts and any(map(self.spec.get, after))

    @property
    def is_optional(self) -> bool:
        return bool(self.spec.get("optional"))

    @property
    def rest(self) -> str:
        return self.spec.get("rest") or "cancel"


class Graph:
    """A body as the engine reads it; immutable.

    Args:
        key: the body's key in its version ("" for the root, `refine`, `refine/inner`).
        body: `{steps, edges, output}` of the expanded definition.
    """

    def __init__(self, key: str, body: Mapping[str, Any]) -> None:
        self.key = key
        self.body = body
        self.output = body.get("output")
        steps = {step["id"]: step for step in body.get("steps") or ()}
        outgoing: dict[str, dict[str, list[str]]] = {step: {} for step in steps}
        incoming: dict[str, list[tuple[str, str]]] = {step: [] for step in steps}
        for edge in body.get("edges") or ():
            source, _, port = edge["from"].partition(".")
            if "port" in edge:  # a body that the engine made: its ids are paths, with dots
                source, port = edge["from"], edge["port"]
            outgoing[source].setdefault(port or "done", []).append(edge["to"])
            incoming[edge["to"]].append((source, port or "done"))
        self.nodes = {
            name: Node(
                id=name,
                kind=kind_get(step["kind"]),
                spec=step,
                join=_join(step.get("join")),
                outgoing={port: tuple(targets) for port, targets in outgoing[name].items()},
                incoming=tuple(incoming[name]),
            )
            for name, step in steps.items()
        }
        self.order = self._order()
        self.position = {step: index for index, step in enumerate(self.order)}

    def _order(self) -> tuple[str, ...]:
        waiting = {name: len(node.incoming) for name, node in self.nodes.items()}
        ready = [name for name, count in waiting.items() if count == 0]
        order = []
        while ready:
            name = ready.pop(0)
            order.append(name)
            for targets in self.nodes[name].outgoing.values():
                for target in targets:
                    waiting[target] -= 1
                    if waiting[target] == 0:
                        ready.append(target)
        if len(order) != len(self.nodes):
            raise ValueError(f"the body {self.key or 'of the workflow'} has a cycle")
        return tuple(order)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Steps without an incoming edge: they start with the scope."""
        return tuple(name for name in self.order if not self.nodes[name].incoming)

    @cached_property
    def leaves(self) -> tuple[str, ...]:
        """Steps that nothing follows: without an `output`, they give the body's result."""
        return tuple(name for name in self.order if not self.nodes[name].targets)

    @cached_property
    def absorbed(self) -> frozenset[str]:
        """Steps whose every way onward meets an `any` or `quorum` join."""
        found: set[str] = set()
        for name in reversed(self.order):
            targets = self.nodes[name].targets
            if targets and all(
                target in found or self.nodes[target].join.mode != "all" for target in targets
            ):
                found.add(name)
        return frozenset(found)

    def rest_of(self, join: str) -> tuple[str, ...]:
        """Give the steps whose every way onward meets `join`, in order."""
        found: set[str] = set()
        for name in reversed(self.order[: self.position[join]]):
            targets = self.nodes[name].targets
            if targets and all(target == join or target in found for target in targets):
                found.add(name)
        return tuple(name for name in self.order if name in found)

    def after(self, step: str) -> tuple[str, ...]:
        """Give every step that follows `step`, near or far, in order."""
        found: set[str] = set(self.nodes[step].targets)
        for name in self.order[self.position[step] + 1 :]:
            if name in found:
                found |= self.nodes[name].targets
        return tuple(name for name in self.order if name in found)


def _join(spec: Any) -> Join:
    if isinstance(spec, Mapping):
        return Join(mode="quorum", count=int(spec["quorum"]))
    return Join(mode=spec or "all")


def graphs_compile(expanded: Mapping[str, Any]) -> dict[str, Graph]:
    """Compile the root and every body inside it, by key."""
    graphs: dict[str, Graph] = {}

    def visit(key: str, body: Mapping[str, Any]) -> None:
        graphs[key] = graph = Graph(key, body)
        for name, node in graph.nodes.items():
            for part, inner in node.kind.bodies(node.settings).items():
                visit(body_key(key, name, part), inner)

    visit("", expanded)
    return graphs


def body_key(parent: str, container: str, part: str = "") -> str:
    """Give the key of a container's body: `outer/inner`, `order.payment` for one of several."""
    own = f"{container}.{part}" if part else container
    return f"{parent}/{own}" if parent else own
