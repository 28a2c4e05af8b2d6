"""Where the guardrails of a box belong that runs as steps of its own."""

from collections.abc import Mapping
from typing import Any

JSON = Any
# What bounds the reach of a box holds for each call that it makes.
REACH = frozenset({"tools", "hosts", "resources", "regions", "volume", "rate"})


def rails_of(step: Mapping[str, JSON], place: str) -> list[JSON]:
    """Give the guardrails that belong to a place inside a box: `before`, `after` or `call`.

    What bounds its reach holds for each of its calls; the rest checks its task (before) or its
    answer (after), each by the step that makes it.
    """
    found = []
    for rail in step.get("guardrails") or ():
        at = rail.get("at") or "after"
        if rail.get("check") in REACH:
            at = "call"
        if rail.get("check") != "repeats" and (at in (place, "both") and place != "call"):
            found.append({**rail, "at": "after"})
        elif at == place == "call":
            found.append(rail)
    return found


def guarded(step: Mapping[str, JSON], place: str) -> dict[str, JSON]:
    """Give the attribute for the step that makes what is checked at a place."""
    rails = rails_of(step, place)
    return {"guardrails": rails} if rails else {}


def with_rails(workers: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the workers of a box, each bound in its reach as the box is."""
    rails = rails_of(step, "call")
    if not rails:
        return dict(workers)
    return {
        name: {**worker, "guardrails": [*(worker.get("guardrails") or ()), *rails]}
        for name, worker in workers.items()
    }
