"""Where a gate asks whether it must ask: the engine knows no rule by which it need not.

An app that keeps the record of a gate registers one judge. Without one every gate asks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCase:
    """A proposal at a gate whose settings have `relax`; `holds()` evaluates its condition.

    Args:
        settings: of the gate, rendered.
        holds: raises ExpressionError where the condition cannot be answered.
    """

    run_id: UUID
    step_run_id: UUID
    workspace_id: UUID
    workflow_id: UUID
    version_id: UUID
    path: str
    generation: int
    mode: str
    action: Mapping[str, JSON]
    digest: str
    relax: Mapping[str, JSON]
    settings: Mapping[str, JSON]
    holds: Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """Whether people are asked, why, and what the request's settings get besides."""

    asks: bool
    why: str = ""
    more: Mapping[str, JSON] = field(default_factory=dict)


Judge = Callable[[GateCase], Ruling]
_judge: list[Judge] = []


def register_gate_judge(function: Judge) -> None:
    """Set who judges relaxed gates; it may write rows of its own, in its own transaction."""
    _judge[:] = [function]


def gate_judge(case: GateCase) -> Ruling:
    """Tell whether people are asked; where nobody judges they are."""
    return _judge[0](case) if _judge else Ruling(asks=True)
