"""Rules about a body's graph: ids, edges, cycles, joins."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows_app.core.definition.problems import Findings
from workflows_app.core.definition.site import Place, Site

JSON = Any
# `undo` names the compensation of a step in paths; the others are words of CEL.
RESERVED_IDS = frozenset({"undo", "true", "false", "null", "in"})


def graph_check(site: Site, findings: Findings) -> None:
    """Check ids, edges, cycles and joins of one body."""
    _ids(site, findings)
    _edges(site, findings)
    _cycle(site, findings)
    _reach(site, findings)
    _joins(site, findings)
    _forks(site, findings)


def id_check(place: Place, taken: frozenset[str], findings: Findings) -> None:
    """Check one id against the words of the language and the bodies around it."""
    where: dict[str, Any] = {"pointer": f"{place.pointer}/id", "step": place.path}
    if place.id in RESERVED_IDS or place.id.startswith("_"):
        findings.add("reserved_id", f"{place.id} is reserved: choose another id", **where)
    elif place.id in taken:
        findings.add(
            "shadowed_id", f"a step around this body is called {place.id} already", **where
        )


def _ids(site: Site, findings: Findings) -> None:
    seen: set[str] = set()
    for place in site.places:
        id_check(place, site.taken, findings)
        if place.id in seen:
            findings.add(
                "duplicate_id",
                f"there are two steps called {place.id}",
                pointer=f"{place.pointer}/id",
                step=place.path,
            )
        seen.add(place.id)


def _edges(site: Site, findings: Findings) -> None:
    seen: set[tuple[str, str, str]] = set()
    for link in site.links:
        source = site.by_id.get(link.source)
        for name, end in ((link.source, "from"), (link.target, "to")):
            if name not in site.by_id:
                findings.add(
                    "unknown_step",
                    f"the edge names {name}, which is no step of this body",
                    pointer=f"{link.pointer}/{end}",
                )
        if source is not None and source.kind is not None:
            _port(source, link.port, f"{link.pointer}/from", findings)
        key = (link.source, link.port, link.target)
        if key in seen:
            findings.add("duplicate_edge", "this edge is there twice", pointer=link.pointer)
        seen.add(key)


def _port(source: Place, port: str, pointer: str, findings: Findings) -> None:
    if source.spec.get("kind") == "end":
        message = "nothing follows an end: it ends the body that it is in"
        findings.add("unknown_port", message, pointer=pointer, step=source.path)
    elif port not in source.ports():
        known = ", ".join(sorted(source.ports()))
        message = f"{source.id} has no port {port}; it has {known}"
        findings.add("unknown_port", message, pointer=pointer, step=source.path)


def _cycle(site: Site, findings: Findings) -> None:
    circle = _find_cycle(site)
    if circle:
        place = site.by_id[circle[0]]
        findings.add(
            "cycle",
            f"a circle of edges: {' -> '.join([*circle, circle[0]])}; "
            "repetition belongs in a loop, a map or a state machine",
            pointer=place.pointer,
            step=place.path,
        )


def _find_cycle(site: Site) -> list[str]:
    rest = set(site.by_id) - set(site.order)
    following: dict[str, list[str]] = {name: [] for name in rest}
    for link in site.known_links:
        if link.source in rest and link.target in rest:
            following[link.source].append(link.target)
    # Whatever is only behind a circle is dropped until the circle alone is left.
    while dropped := {name for name, targets in following.items() if not targets}:
        following = {
            name: [target for target in targets if target not in dropped]
            for name, targets in following.items()
            if name not in dropped
        }
    if not following:
        return []
    walked = [next(name for name in site.by_id if name in following)]
    while following[walked[-1]][0] not in walked:
        walked.append(following[walked[-1]][0])
    return walked[walked.index(following[walked[-1]][0]) :]


def _reach(site: Site, findings: Findings) -> None:
    """A step behind a circle or an end never starts; one beside the graph surprises."""
    circle = set(_find_cycle(site))
    ends = {place.id for place in site.places if place.spec.get("kind") == "end"}
    dead: set[str] = set()
    incoming: dict[str, list[str]] = {}
    for link in site.known_links:
        incoming.setdefault(link.target, []).append(link.source)
    for name in [*site.order, *(set(site.by_id) - set(site.order) - circle)]:
        sources = incoming.get(name, [])
        if sources and all(source in dead | ends | circle for source in sources):
            dead.add(name)
            _unreachable(site.by_id[name], "nothing that can happen leads to it", findings)
    linked = {link.source for link in site.known_links} | set(incoming)
    for place in site.places:
        if linked and place.id not in linked and len(site.by_id) > 1:
            findings.add(
                "unreachable",
                f"no edge leads to {place.id}: it starts at once, beside the others",
                pointer=place.pointer,
                step=place.path,
                severity="warning",
            )


def _unreachable(place: Place, why: str, findings: Findings) -> None:
    message = f"{place.id} can never start: {why}"
    findings.add("unreachable", message, pointer=place.pointer, step=place.path)


def _joins(site: Site, findings: Findings) -> None:
    for place in site.places:
        join = place.spec.get("join")
        count = sum(1 for link in site.known_links if link.target == place.id)
        where: dict[str, Any] = {"pointer": f"{place.pointer}/join", "step": place.path}
        quorum = join.get("quorum") if isinstance(join, Mapping) else None
        if isinstance(quorum, int) and quorum > count:
            message = f"a quorum of {quorum} can never be met by {count} edges"
            findings.add("quorum_too_large", message, **where)
        if join not in (None, "all") and count == 1:
            message = "a join of a single edge waits for that edge alone"
            findings.add("join_single_edge", message, severity="warning", **where)


def _forks(site: Site, findings: Findings) -> None:
    """Branches that start together and never meet leave an object by id as the result."""
    if site.body.get("output") is not None:
        return
    forked = list(_forked(site))
    after = _after(site) if forked else {}
    for (source, _port_name), targets in forked:
        reached = [after.get(target, frozenset()) | {target} for target in targets]
        if not frozenset.intersection(*reached) and not _all_end(site, reached):
            place = site.by_id[source]
            findings.add(
                "missing_join",
                f"the branches after {source} never meet: the body gives an object by step; "
                "join them, or say what the output is",
                pointer=place.pointer,
                step=place.path,
                severity="warning",
            )


def _forked(site: Site) -> Iterator[tuple[tuple[str, str], list[str]]]:
    by_port: dict[tuple[str, str], list[str]] = {}
    for link in site.known_links:
        by_port.setdefault((link.source, link.port), []).append(link.target)
    for key, targets in by_port.items():
        if len(set(targets)) > 1:
            yield key, targets


def _after(site: Site) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {name: set() for name in site.by_id}
    for name, earlier in site.before.items():
        for one in earlier:
            found[one].add(name)
    return {name: frozenset(later) for name, later in found.items()}


def _all_end(site: Site, reached: list[frozenset[str]]) -> bool:
    """Branches of which all but one only lead to an `end` are a race, not a fork."""
    open_branches = [
        names
        for names in reached
        if not any(site.by_id[name].spec.get("kind") == "end" for name in names)
    ]
    return len(open_branches) < 2
