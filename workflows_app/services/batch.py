"""The pieces that one engine transaction passes along: what goes in, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import Draft, HistoryEvent
from workflows_app.core.facts import Fact
from workflows_app.core.graph import Node
from workflows_app.services.context import RunContext
from workflows_app.services.rows import ScopeRow
from workflows_app.services.values import Place, Result, Setting

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeFact:
    """One fact for one scope; `timer` is consumed with it."""

    scope_id: UUID
    run_id: UUID
    fact: Fact | None  # None: only the inbox is to be handled
    timer: int | None = None
    is_brief: bool = False  # what it tells could be done again without anybody noticing
    begins: bool = False  # the run has not begun: its first steps share the transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to carry a step out, until its lease runs out."""

    id: UUID
    scope_id: UUID
    run_id: UUID
    context: RunContext
    setting: Setting
    node: Node
    path: str
    generation: int
    attempt: int
    token: UUID
    approved_digest: str | None = None
    input: JSON = None
    feedback: JSON = None
    progress: JSON = None
    known: dict[Place, Result] = field(default_factory=dict)  # results that need no reading


@dataclass(slots=True, kw_only=True)
class Opened:
    """A scope of this transaction: its row, its draft, and how it was when it was read."""

    row: ScopeRow
    draft: Draft
    is_new: bool = False
    before: dict[UUID, tuple[str, UUID | None]] = field(default_factory=dict)
    active_before: int = 0
    output: JSON = None
    has_output: bool = False
    is_held: bool = False  # from memory: its lock is taken when it is written
    begins: bool = False  # its ready steps may be carried out here, as if they were new
    handled: int = 0  # effects that were carried out
    others: dict[UUID, Opened] = field(default_factory=dict)  # all scopes of the transaction

    def setting(self, context: RunContext) -> Setting:
        return Setting(
            context=context,
            scope_id=self.row.id,
            ancestors=tuple(self.row.ancestors),
            body=self.row.body,
            graph=self.draft.graph,
            values=self.row.values,
        )


@dataclass(slots=True, kw_only=True)
class RunEnd:
    """The root scope of a run has ended."""

    outcome: str
    error: JSON
    is_cancelled: bool
    output: JSON
    scope_kind: str


@dataclass(slots=True, kw_only=True)
class RunChange:
    """What this transaction does to one run."""

    history: list[HistoryEvent] = field(default_factory=list)
    active: int = 0
    steps: int = 0
    degraded: list[JSON] = field(default_factory=list)
    usage: list[tuple[int, int, float]] = field(default_factory=list)
    end: RunEnd | None = None
    supersedes: bool = False
    superseded: list[str] = field(default_factory=list)  # paths that are run again
    reopen: dict[str, str] | None = None  # {"actor", "why"}: an ended run goes on
    rollback: JSON = None  # what an ended run intends as it is undone, and whom it tells then


@dataclass(slots=True, kw_only=True)
class Applied:
    """What came of a transaction, for whoever acts after its commit."""

    accepted: int = 0
    claims: list[Claim] = field(default_factory=list)
    touched: dict[UUID, UUID] = field(default_factory=dict)  # scopes with facts left: run ids
    ready_runs: set[UUID] = field(default_factory=set)
    changed_runs: set[UUID] = field(default_factory=set)
    ended_runs: set[UUID] = field(default_factory=set)
    contended: list[ScopeFact] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
