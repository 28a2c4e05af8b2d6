"""What the engine wants done. A handler turns each into rows, inside the same transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows_app.core.facts import Fact, RollbackAsked

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The base of all effects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTimer(Effect):
    """Put `fact` into the scope's inbox at `due_at`; one timer of a name for each step run."""

    step_run: UUID
    name: str
    due_at: datetime
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class DropTimers(Effect):
    """The step run needs none of its timers any more (or only not this one)."""

    step_run: UUID
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenScopes(Effect):
    """Make the scopes of a container: the first `opened` start now, the others wait."""

    container: UUID
    step: str
    path: str  # of the container
    body: str
    kind: str
    values: tuple[JSON, ...]
    first: int  # position of the first one
    opened: int
    slot: str = ""
    override: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPending(Effect):
    """Start this many of a container's waiting scopes, in order."""

    container: UUID
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPending(Effect):
    """The container's scopes that never started are not needed any more."""

    container: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelScopes(Effect):
    """Leave `ScopeCancelled` for every open scope of a container."""

    container: UUID
    why: str
    actor: str = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class TellParent(Effect):
    """Leave a fact for the scope that this one's container stands in."""

    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class TellScope(Effect):
    """Leave a fact for an inner scope."""

    scope: UUID
    fact: Fact


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeEnded(Effect):
    """The scope has ended: its output is due, and its parent or its run is to be told."""

    outcome: str
    error: JSON | None
    is_cancelled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded(Effect):
    """An optional step failed: the run says so."""

    path: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWait(Effect):
    """Let the step wait for an event; one that is stored already comes as a fact.

    `request` is {"event", "key", "where", "lookback", "transient"}, or {"event", "since"}.
    """

    step_run: UUID
    path: str
    generation: int
    request: JSON
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeEvent(Effect):
    """The step took this event: its run has used it."""

    step_run: UUID
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWaits(Effect):
    """The step run waits for no event any more (or only not by this port).

    One that it did not take stays unused.
    """

    step_run: UUID
    port: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartChild(Effect):
    """Start the run of a `workflow` step."""

    step_run: UUID
    path: str
    generation: int
    request: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelChild(Effect):
    """The child run of a step run is to be cancelled."""

    step_run: UUID
    why: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoSteps(Effect):
    """Undo what these step runs and their bodies did, newest first, inside `container`.

    `UndosEnded` comes back to this scope when it is done, or at once where nothing is to undo.
    """

    container: UUID
    steps: tuple[UUID, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBack(Effect):
    """Undo what this run did, which has ended, and answer whoever asked."""

    asked: RollbackAsked


@dataclass(frozen=True, slots=True, kw_only=True)
class DropUndo(Effect):
    """The step never acted, or its undo is of no use any more."""

    step_run: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestApproval(Effect):
    """Ask people. `reason` is approval, review or checkpoint; `settings` are rendered."""

    id: UUID  # of the request, which the waiting step names from now on
    run_id: UUID
    workspace_id: UUID
    workflow_id: UUID
    version_id: UUID
    scope_id: UUID
    step_run_id: UUID
    path: str
    generation: int
    reason: str
    action: JSON
    digest: str
    settings: JSON
    why: str
    mode: str
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AskPeople(Effect):
    """What the core knows of a request; the service adds the run's facts to it."""

    step_run: UUID
    path: str
    generation: int
    reason: str
    action: JSON
    digest: str
    settings: JSON
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawApproval(Effect):
    """The question is void."""

    step_run_id: UUID
    why: str
    now: datetime
