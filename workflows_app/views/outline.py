"""A definition as nested lists: steps with their kinds, ways onward and bodies.

Works on the plain document, also on a draft that is incomplete: what makes no sense is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflows_app.views.looks import humanise

JSON = Any


@dataclass
class Exit:
    """One edge onward."""

    port: str
    to: str


@dataclass
class Entry:
    """One step with what is in it; `path` joins ids by dots."""

    id: str
    kind: str
    path: str
    name: str
    summary: str = ""
    exits: list[Exit] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    bodies: list["Body"] = field(default_factory=list)


@dataclass
class Body:
    """A graph inside a step; `name` says which when there are several."""

    name: str
    entries: list[Entry]


def outline(definition: JSON, path: str = "") -> list[Entry]:
    """Give the steps of a body in the order in which they can come."""
    body = definition if isinstance(definition, dict) else {}
    steps = [step for step in _list(body.get("steps")) if isinstance(step, dict)]
    edges = edges_of(body)
    entries = [_entry(step, path, edges) for step in steps if step.get("id")]
    order = {identifier: place for place, identifier in enumerate(in_order(entries))}
    return sorted(entries, key=lambda entry: order.get(entry.id, len(order)))


def edges_of(body: JSON) -> list[tuple[str, str, str]]:
    """Give the edges of a body as (step, port, step)."""
    found = []
    for edge in _list(body.get("edges") if isinstance(body, dict) else None):
        if isinstance(edge, dict) and isinstance(edge.get("from"), str):
            source, _, port = edge["from"].partition(".")
            found.append((source, port or "done", str(edge.get("to", ""))))
    return found


def in_order(entries: list[Entry]) -> list[str]:
    """Give ids so that each comes after what leads to it, else as written."""
    ids = [entry.id for entry in entries]
    before: dict[str, set[str]] = {identifier: set() for identifier in ids}
    for entry in entries:
        for way in entry.exits:
            if way.to in before and way.to != entry.id:
                before[way.to].add(entry.id)
    done: list[str] = []
    left = list(ids)
    while left:
        ready = next((one for one in left if before[one] <= set(done)), left[0])
        left.remove(ready)
        done.append(ready)
    return done


def _entry(step: dict[str, JSON], path: str, edges: list[tuple[str, str, str]]) -> Entry:
    identifier = str(step["id"])
    own = f"{path}.{identifier}" if path else identifier
    return Entry(
        id=identifier,
        kind=str(step.get("kind", "")),
        path=own,
        name=str(step.get("name") or humanise(identifier)),
        summary=_summary(step),
        exits=[Exit(port, to) for source, port, to in edges if source == identifier],
        marks=list(_marks(step)),
        bodies=list(_bodies(step, own)),
    )


def _summary(step: dict[str, JSON]) -> str:
    """Tell the one setting that says most."""
    settings = step.get("with")
    if not isinstance(settings, dict):
        return ""
    for name in ("tool", "model", "event", "for", "slug", "summary", "type", "agree", "items"):
        value = settings.get(name)
        if isinstance(value, str | int | float) and value != "":
            text = str(value)
            return text if len(text) <= 60 else f"{text[:59]}…"
    return ""


def _marks(step: dict[str, JSON]) -> Iterator[str]:
    for name, word in (
        ("approval", "needs approval"),
        ("review", "reviewed"),
        ("guardrails", "guardrails"),
        ("undo", "has an undo"),
        ("optional", "optional"),
        ("when", "conditional"),
        ("until", "races events"),
        ("exclusive", "one at a time"),
        ("cache", "cached"),
    ):
        if step.get(name):
            yield word


def _bodies(step: dict[str, JSON], path: str) -> Iterator[Body]:
    settings = step.get("with")
    if not isinstance(settings, dict):
        return
    if isinstance(settings.get("body"), dict):
        yield Body("", outline(settings["body"], path))
    states = settings.get("states")
    if isinstance(states, dict):
        for name, state in states.items():
            entry = state.get("entry") if isinstance(state, dict) else None
            inner = outline(entry, f"{path}.{name}") if isinstance(entry, dict) else []
            yield Body(humanise(name), inner)
    for name in ("options", "members"):
        steps = [one for one in _list(settings.get(name)) if isinstance(one, dict)]
        if steps:
            yield Body(humanise(name), outline({"steps": steps}, path))
    yield from _workers(settings, path)


def _workers(settings: dict[str, JSON], path: str) -> Iterator[Body]:
    """Tiers of an escalation and workers of a plan hold one step each."""
    tiers = [tier for tier in _list(settings.get("tiers")) if isinstance(tier, dict)]
    named = [(str(tier.get("name", "")), tier.get("step")) for tier in tiers]
    workers = settings.get("workers")
    if isinstance(workers, dict):
        named += [
            (name, worker.get("step", worker) if isinstance(worker, dict) else None)
            for name, worker in workers.items()
        ]
    for name, step in named:
        if isinstance(step, dict):
            yield Body(humanise(name), outline({"steps": [{"id": name, **step}]}, path))


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []
