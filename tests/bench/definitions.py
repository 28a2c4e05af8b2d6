"""The workflows that are timed."""

import itertools
from typing import Any

JSON = Any


def chain(steps: int) -> JSON:
    """Return durable tool steps that do nothing, one after the other."""
    names = [f"s{index}" for index in range(steps)]
    sources = ["input.n", *(f"steps.{name}.output" for name in names)]
    return _document(
        "Chain",
        {"n": {"type": "number"}},
        [
            {
                "id": name,
                "kind": "tool",
                "with": {"tool": "bench.nothing", "arguments": {"n": f"={source}"}},
            }
            for name, source in zip(names, sources, strict=False)
        ],
    )


def calls(steps: int, seconds: float) -> JSON:
    """Return calls that take a while, one after the other."""
    return _document("Calls", {}, [_call(f"c{index}", seconds) for index in range(steps)])


def mapped_calls(seconds: float, concurrency: int) -> JSON:
    """Return a map with one call for each item."""
    return _map("Mapped calls", _call("one", seconds), concurrency)


def mapped_nothing(concurrency: int) -> JSON:
    """Return a map with one tool step that does nothing for each item."""
    arguments = {"n": "=item"}
    body = {"id": "one", "kind": "tool", "with": {"tool": "bench.nothing", "arguments": arguments}}
    return _map("Mapped nothing", body, concurrency)


def waiting() -> JSON:
    """Return a wait for an event that does not come."""
    settings = {"event": "bench.never", "key": "=input.key", "timeout": "7d"}
    return _document(
        "Waiting",
        {"key": {"type": "string"}},
        [{"id": "wait", "kind": "wait", "with": settings}],
    )


def paused_then_nothing() -> JSON:
    """Return a delay that leaves time to look on, and one tool step after it."""
    arguments = {"n": 1}
    return _document(
        "Looked on",
        {},
        [
            {"id": "pause", "kind": "delay", "with": {"for": "300ms"}},
            {
                "id": "seen",
                "kind": "tool",
                "with": {"tool": "bench.nothing", "arguments": arguments},
            },
        ],
    )


def gated(assignee: str) -> JSON:
    """Return one tool step that a person must approve first."""
    gate = {
        "summary": "Refund {{ input.amount }} to {{ input.customer }}",
        "assignees": [assignee],
        "risk": "=input.risk",
        "deadline": "=input.deadline",
        "confidence": 0.9,
    }
    step = {
        "id": "issue",
        "kind": "tool",
        "with": {
            "tool": "bench.refund",
            "arguments": {"amount": "=input.amount", "customer": "=input.customer"},
        },
        "approval": gate,
    }
    texts = {name: {"type": "string"} for name in ("customer", "risk", "deadline")}
    return _document("Gated", {"amount": {"type": "number"}, **texts}, [step])


def _call(name: str, seconds: float) -> JSON:
    return {
        "id": name,
        "kind": "tool",
        "with": {"tool": "bench.call", "arguments": {"seconds": seconds}},
    }


def _map(name: str, step: JSON, concurrency: int) -> JSON:
    settings = {
        "items": "=input.items",
        "concurrency": concurrency,
        "body": {"steps": [step], "edges": []},
    }
    return _document(
        name,
        {"items": {"type": "array"}},
        [{"id": "all", "kind": "map", "with": settings}],
    )


def _document(name: str, properties: JSON, steps: list[JSON]) -> JSON:
    edges = [{"from": a["id"], "to": b["id"]} for a, b in itertools.pairwise(steps)]
    return {
        "format": 1,
        "name": name,
        "input": {"type": "object", "properties": properties},
        "steps": steps,
        "edges": edges,
    }
