"""Where a check stands: a body, what is around it, and what its expressions may name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from workflows_app.core.kinds import COMMON_PORTS, GATE_PORTS, Kind, kinds

JSON = Any


@dataclass(frozen=True, slots=True)
class Place:
    """One step of a body, as written."""

    index: int
    id: str
    spec: Mapping[str, JSON]
    pointer: str
    path: str  # its id with those around it
    is_handed_input: bool = False  # what it calls gets an input where it maps none

    @property
    def kind(self) -> Kind | None:
        """Its kind, or None when nobody registered it."""
        name = self.spec.get("kind")
        found = kinds().get(name) if isinstance(name, str) else None
        return None if found is None or found.is_hidden else found

    @property
    def settings(self) -> Mapping[str, JSON]:
        """Its `with`, or nothing."""
        settings = self.spec.get("with")
        return settings if isinstance(settings, Mapping) else {}

    def ports(self) -> frozenset[str]:
        """Every port that an edge may leave by."""
        found = set(COMMON_PORTS)
        if self.kind is not None:
            found |= set(self.kind.ports(self.settings))
        if self.spec.get("approval") is not None or self.spec.get("review") is not None:
            found |= set(GATE_PORTS)
        arms = self.spec.get("until")
        for arm in arms if isinstance(arms, list) else ():
            if isinstance(arm, Mapping) and isinstance(arm.get("port"), str):
                found.add(arm["port"])
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Link:
    """One edge, as written."""

    source: str
    port: str
    target: str
    pointer: str


@dataclass(frozen=True)
class Site:
    """A body with what lies around it."""

    body: Mapping[str, JSON]
    pointer: str
    path: str
    variables: frozenset[str]
    around: frozenset[str] = frozenset()  # steps outside that were settled before
    taken: frozenset[str] = frozenset()  # ids of every body around this one
    depth: int = 0
    states: frozenset[str] = frozenset()  # of the state machine around it

    @cached_property
    def places(self) -> list[Place]:
        """The steps that have an id."""
        return list(self._places())

    def _places(self) -> Iterator[Place]:
        steps = self.body.get("steps")
        for index, spec in enumerate(steps if isinstance(steps, list) else ()):
            name = spec.get("id") if isinstance(spec, Mapping) else None
            if isinstance(name, str) and name:
                path = f"{self.path}.{name}" if self.path else name
                yield Place(index, name, spec, f"{self.pointer}/steps/{index}", path)

    @cached_property
    def by_id(self) -> dict[str, Place]:
        """The steps by id; of two with the same id the first."""
        found: dict[str, Place] = {}
        for place in self.places:
            found.setdefault(place.id, place)
        return found

    @cached_property
    def links(self) -> list[Link]:
        """The edges that name two texts."""
        edges = self.body.get("edges")
        found = []
        for index, edge in enumerate(edges if isinstance(edges, list) else ()):
            source = edge.get("from") if isinstance(edge, Mapping) else None
            target = edge.get("to") if isinstance(edge, Mapping) else None
            if isinstance(source, str) and isinstance(target, str):
                step, _, port = source.partition(".")
                pointer = f"{self.pointer}/edges/{index}"
                found.append(Link(step, port or "done", target, pointer))
        return found

    @cached_property
    def known_links(self) -> list[Link]:
        """The edges between steps that exist."""
        return [
            link for link in self.links if link.source in self.by_id and link.target in self.by_id
        ]

    @cached_property
    def order(self) -> list[str]:
        """The steps in an order in which they could run; those on or after a cycle are left out."""
        waiting = dict.fromkeys(self.by_id, 0)
        following: dict[str, list[str]] = {name: [] for name in self.by_id}
        for link in self.known_links:
            waiting[link.target] += 1
            following[link.source].append(link.target)
        ready = [name for name, count in waiting.items() if count == 0]
        for name in ready:  # grows while it is walked
            for target in following[name]:
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
        return ready

    @cached_property
    def before(self) -> dict[str, frozenset[str]]:
        """For each step, every step of this body that is settled before it starts."""
        found: dict[str, frozenset[str]] = {name: frozenset() for name in self.by_id}
        incoming: dict[str, list[str]] = {name: [] for name in self.by_id}
        for link in self.known_links:
            incoming[link.target].append(link.source)
        for name in self.order:
            found[name] = frozenset(incoming[name]).union(*(found[one] for one in incoming[name]))
        return found

    def leads_on(self, step: str, port: str) -> bool:
        """Tell whether an edge leaves this step by this port."""
        return any(link.source == step and link.port == port for link in self.links)
