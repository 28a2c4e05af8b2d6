"""Which ports a step has and which connections are refused: one table for server and browser.

The table is data. `ports_of` reads it here; the canvas reads the same as JSON. A test holds it
against what each kind says for itself. A source of ports is one of:

- `{"fixed": [names]}`, with `"if": path` only where that path holds something
- `{"each": path}` each text of a list, with `"field"` that field of each item
- `{"keys": path, "field": name}` each key of an object whose item has that field true
- `{"outcomes": path}` the outcomes that the `end` steps of the body there name
"""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows_app.core.graph import FAILURE_PORTS, REFUSAL_PORTS
from workflows_app.core.kinds import COMMON_PORTS, GATE_PORTS, Kind, kinds

JSON = Any
PortSource = Mapping[str, JSON]

# What any step may have, by its own attributes.
COMMON: tuple[PortSource, ...] = (
    {"fixed": list(GATE_PORTS), "if": ["approval"]},
    {"fixed": list(GATE_PORTS), "if": ["review"]},
    {"each": ["until"], "field": "port"},
)
BY_KIND: dict[str, tuple[PortSource, ...]] = {
    "decision": ({"each": ["with", "branches"], "field": "port"}, {"fixed": ["default"]}),
    "router": ({"each": ["with", "labels"]}, {"fixed": ["default"]}),
    "guard": ({"fixed": ["blocked"]},),
    "approval": ({"fixed": ["rejected", "expired"]},),
    "checkpoint": ({"fixed": ["stopped", "expired"]},),
    "wait": ({"fixed": ["expired"]},),
    "group": ({"outcomes": ["with", "body"]},),
    "loop": ({"fixed": ["exhausted"]}, {"outcomes": ["with", "body"]}),
    "state_machine": ({"keys": ["with", "states"], "field": "terminal"},),
    "agent": ({"fixed": ["exhausted"]},),
    "consensus": ({"fixed": ["disagreed"]},),
    "escalation": ({"fixed": ["unresolved"]},),
    "plan": ({"fixed": ["exhausted", "stopped"]},),
    "supervisor": ({"fixed": ["exhausted"]},),
}
# In the order in which they are tried.
CONNECTIONS: tuple[tuple[str, str], ...] = (
    ("across_bodies", "A connection stays within one body: end the body by an outcome instead."),
    ("unknown_step", "There is no such step here."),
    ("into_itself", "A step cannot lead to itself: repetition belongs in a loop."),
    ("after_end", "Nothing follows an end: it ends the body that it is in."),
    ("unknown_port", "The step has no such port."),
    ("duplicate", "This connection is there already."),
    ("cycle", "This would close a circle: repetition belongs in a loop or a state machine."),
)
MESSAGES = dict(CONNECTIONS)
# Where a kind keeps bodies and steps of its own; `*` stands for any key or place.
BODIES: dict[str, tuple[Mapping[str, JSON], ...]] = {
    "group": ({"path": ["with", "body"], "holds": "body"},),
    "map": ({"path": ["with", "body"], "holds": "body"},),
    "loop": ({"path": ["with", "body"], "holds": "body"},),
    "state_machine": ({"path": ["with", "states", "*", "entry"], "holds": "body"},),
    "fallback": ({"path": ["with", "options", "*"], "holds": "step"},),
    "consensus": ({"path": ["with", "members", "*"], "holds": "step"},),
    "escalation": ({"path": ["with", "tiers", "*", "step"], "holds": "step"},),
    "plan": ({"path": ["with", "workers", "*"], "holds": "step"},),
    "supervisor": ({"path": ["with", "workers", "*", "step"], "holds": "step"},),
}


def sources_of(kind: Kind) -> tuple[PortSource, ...]:
    """Give where a kind's ports come from; a kind of another app has those of empty settings."""
    known = BY_KIND.get(kind.name)
    if known is not None:
        return known
    fixed = list(kind.ports({}))
    return ({"fixed": fixed},) if fixed else ()


def ports_of(step: Mapping[str, JSON]) -> list[str]:
    """Give the ports that edges of a step may leave by, `done` and `error` first."""
    if step.get("kind") == "end":
        return []
    found = dict.fromkeys(COMMON_PORTS)
    kind = kinds().get(str(step.get("kind")))
    own = sources_of(kind) if kind is not None else ()
    for source in (*own, *COMMON):
        found.update(dict.fromkeys(_named(source, step)))
    return list(found)


def connection_refusal(
    body: Mapping[str, JSON], source: str, port: str, target: str
) -> tuple[str, str] | None:
    """Give `(code, message)` of the reason against a connection, or None where there is none."""
    code = _refusal(body, source, port, target)
    return (code, MESSAGES[code]) if code else None


def rules_json() -> dict[str, JSON]:
    """Give the whole table as the browser gets it."""
    return {
        "ports": {
            "always": list(COMMON_PORTS),
            "common": [dict(source) for source in COMMON],
            "kinds": {
                name: [dict(source) for source in sources_of(kind)]
                for name, kind in kinds().items()
                if not kind.is_hidden
            },
            "none": ["end"],
            "failure": sorted(FAILURE_PORTS),
            "refusal": sorted(REFUSAL_PORTS),
        },
        "connections": [{"code": code, "message": message} for code, message in CONNECTIONS],
        "bodies": {name: [dict(part) for part in parts] for name, parts in BODIES.items()},
    }


def _refusal(body: Mapping[str, JSON], source: str, port: str, target: str) -> str | None:
    steps = {
        step["id"]: step
        for step in _list(body.get("steps"))
        if isinstance(step, Mapping) and isinstance(step.get("id"), str)
    }
    links = list(_links(body))
    if source not in steps or target not in steps:
        return "unknown_step"
    if source == target:
        return "into_itself"
    if steps[source].get("kind") == "end":
        return "after_end"
    if port not in ports_of(steps[source]):
        return "unknown_port"
    if (source, port, target) in links:
        return "duplicate"
    return "cycle" if _leads_to(links, target, source) else None


def _leads_to(links: list[tuple[str, str, str]], start: str, goal: str) -> bool:
    seen, pending = {start}, [start]
    while pending:
        here = pending.pop()
        if here == goal:
            return True
        for source, _, target in links:
            if source == here and target not in seen:
                seen.add(target)
                pending.append(target)
    return False


def _links(body: Mapping[str, JSON]) -> Iterator[tuple[str, str, str]]:
    for edge in _list(body.get("edges")):
        if isinstance(edge, Mapping) and isinstance(edge.get("from"), str):
            step, _, port = edge["from"].partition(".")
            yield step, port or "done", str(edge.get("to"))


def _named(source: PortSource, step: Mapping[str, JSON]) -> Iterator[str]:
    if "fixed" in source:
        if "if" not in source or _at(step, source["if"]) is not None:
            yield from source["fixed"]
    elif "outcomes" in source:
        yield from outcomes_of(_at(step, source["outcomes"]))
    elif "keys" in source:
        items = _at(step, source["keys"])
        for name, item in items.items() if isinstance(items, Mapping) else ():
            if isinstance(item, Mapping) and item.get(source["field"]) is True:
                yield name
    else:
        for item in _list(_at(step, source["each"])):
            name = item.get(source["field"]) if "field" in source and _is_object(item) else item
            if isinstance(name, str):
                yield name


def outcomes_of(body: JSON) -> Iterator[str]:
    """Give the outcomes beside `done` and `error` that the `end` steps of a body name."""
    for step in _list(body.get("steps") if isinstance(body, Mapping) else None):
        is_end = _is_object(step) and step.get("kind") == "end"
        outcome = _at(step, ["with", "outcome"]) if is_end else None
        if isinstance(outcome, str) and outcome not in COMMON_PORTS:
            yield outcome


def _at(value: JSON, path: list[str]) -> JSON:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _is_object(value: JSON) -> bool:
    return isinstance(value, Mapping)


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []
