"""Items of a map that failed: how many may, and what the run says of them."""

import math
from typing import Any

from workflows_app.core.effects import Degraded
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.facts import BodyEnded

JSON = Any


def failures_allowed(setting: JSON, total: int) -> int:
    """Give how many items of a map may fail: a number, or a percentage of all, rounded down."""
    if isinstance(setting, str) and setting.endswith("%"):
        return math.floor(float(setting[:-1]) * total / 100.0)
    return int(setting or 0)


def item_degraded(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    """The map goes on without an item: the run says which, and why."""
    error = fact.error or {}
    draft.effects.append(
        Degraded(
            path=error.get("path") or f"{status.path}[{fact.position}]",
            code=error.get("code") or "error",
            message=error.get("message") or "the item failed",
        )
    )
