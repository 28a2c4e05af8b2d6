"""What a worker says of the step that it claimed; none of these ever waits in a row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The base of all facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFact(Fact):
    """About a claimed step run; `token` is the claim's."""

    step_run: UUID
    token: UUID
    actor: str = "engine"
    input: JSON | None = None  # the rendered settings, where they are not stored yet
    effect: str = "none"
    usage: tuple[int, int, float] = (0, 0, 0.0)  # input tokens, output tokens, US dollars
    details: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSucceeded(WorkerFact):
    """The attempt ended well and takes `port`."""

    output: JSON = None
    port: str = "done"
    why: str = ""
    data: JSON | None = None
    undo: JSON | None = None  # what reverses it, rendered over the output
    review: JSON | None = None  # {"mode", "settings", "action", "digest", "why"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed(WorkerFact):
    """The attempt ended with an error."""

    code: str
    message: str
    retryable: bool = False
    retry_after: float | None = None  # seconds
    outcome_unknown: bool = False
    is_idempotent: bool = True
    timed_out: bool = False
    port: str = "error"
    fraction: float = 0.0  # a random number from 0 to 1, for the jitter
    output: JSON = None
    undo: JSON | None = None  # it acted, and what it gave was refused: this reverses it


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped(WorkerFact):
    """The step's own `when` is false."""

    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSuspended(WorkerFact):
    """The step waits; `counts` is False where no attempt was made."""

    reason: str
    until: datetime | None = None
    after: float | None = None  # seconds from now, by the database's clock
    waiting: JSON | None = None
    request: JSON | None = None
    action: JSON | None = None
    digest: str | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHeld(WorkerFact):
    """The claim is given back unused, for instance because the run was paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOpened(WorkerFact):
    """A container's settings are known: its bodies can open.

    `values` has one entry for each scope, in order; `progress` is what the container remembers.
    """

    body: str
    values: tuple[JSON, ...]
    scope_kind: str  # group, item, iteration, visit
    concurrency: int = 1
    progress: JSON | None = None
    override: JSON | None = None
