"""What the engine is told. Each fact is plain data, so that it can wait in an inbox or a timer.

A fact about a step names the step run and its generation; one from a worker also carries the
fencing token of its claim. A fact that no longer fits (an older generation, another token, a
step that ended) changes nothing: anything may happen twice.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any
from uuid import UUID

from workflows_app.core.worker_facts import (
    ContainerOpened,
    Fact,
    StepFailed,
    StepHeld,
    StepSkipped,
    StepSucceeded,
    StepSuspended,
    WorkerFact,
)

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeOpened(Fact):
    """The scope begins: its first steps become ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLost(Fact):
    """The lease of this claim ran out."""

    step_run: UUID
    token: UUID
    is_idempotent: bool
    fraction: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired(Fact):
    """A stored time was reached: `retry`, `delay`, `timeout`, `until:PORT`."""

    step_run: UUID
    generation: int
    name: str
    attempt: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyEnded(Fact):
    """A scope of this container has ended.

    `following` is what a loop does next, found by evaluating its condition:
    {"next": values} or {"port": "done" | "exhausted"} or {"error": [code, message]}.
    """

    step_run: UUID
    scope: UUID
    position: int
    outcome: str = "done"
    error: JSON | None = None
    is_cancelled: bool = False
    output: JSON = None
    following: JSON | None = None
    had_slot: bool = False
    awaited_slot: bool = False  # it had asked for one, which may be on its way
    visit: int | None = None  # of a state machine: which visit this body belonged to
    is_enough: bool = False  # of a map: its `enough` holds over what it has so far


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerFired(Fact):
    """Something asks a state machine to change.

    `visit` is set for a trigger from inside: one of an earlier visit means nothing any more.
    `chosen` is the first transition whose guard holds: {"to", "guards": [{"guard", "result"}]}.
    """

    step_run: UUID
    trigger: str
    actor: str = "engine"
    reason: str = ""
    data: JSON = None
    visit: int | None = None
    chosen: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyIdle(Fact):
    """Nothing in this item is ready or running any more: it gives its slot back."""

    step_run: UUID
    scope: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyWaking(Fact):
    """Something in an idle body wants to run; `is_working` when it did not wait for a slot."""

    step_run: UUID
    scope: UUID
    is_working: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotGranted(Fact):
    """The item may work again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeCancelled(Fact):
    """What this scope belongs to goes on without it."""

    why: str = ""
    actor: str = "engine"
    error: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided(Fact):
    """A person, or the clock, answered an approval, a review or a checkpoint."""

    step_run: UUID
    generation: int
    outcome: str  # approved, rejected, expired, taken_over, failed, changed, stopped, incident
    by: str = ""
    reason: str = ""
    digest: str | None = None
    arguments: JSON | None = None
    output: JSON = None
    changes: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventArrived(Fact):
    """The event that a step, or the arm `port` of its `until`, waits for; `row` is its number."""

    step_run: UUID
    generation: int
    row: int
    event: JSON  # as expressions see it
    port: str = ""
    is_last: bool = False  # of a map that takes more items: it closes with this one


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRunEnded(Fact):
    """The run that a `workflow` step started has ended."""

    step_run: UUID
    generation: int
    run: UUID
    state: str
    output: JSON = None
    error: JSON | None = None
    usage: tuple[int, int, float] = (0, 0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UndosEnded(Fact):
    """What this step, and what went on from it, did is undone, or passed over by a person."""

    step_run: UUID
    is_undone: bool = False  # the step's own effect: False where it had none, or it stays


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackAsked(Fact):
    """The undo of a `workflow` step wants what its child run did undone.

    `ChildRunEnded` goes back to `step_run` in `scope` of `run` once it is.
    """

    step_run: UUID
    scope: UUID
    run: UUID
    generation: int
    actor: str = "engine"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetried(Fact):
    """A person wants this step, and what follows it, to run again."""

    step_run: UUID
    actor: str
    reason: str = ""
    input: JSON | None = None
    keep_key: bool = False
    feedback: JSON | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPassed(Fact):
    """A person skips this step and says what it gave."""

    step_run: UUID
    actor: str
    reason: str = ""
    output: JSON = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepGivenUp(Fact):
    """A person lets this step fail."""

    step_run: UUID
    actor: str
    reason: str = ""


_TYPES: dict[str, type[Fact]] = {
    "scope_opened": ScopeOpened,
    "timer_fired": TimerFired,
    "body_ended": BodyEnded,
    "trigger_fired": TriggerFired,
    "body_idle": BodyIdle,
    "body_waking": BodyWaking,
    "slot_granted": SlotGranted,
    "scope_cancelled": ScopeCancelled,
    "decided": Decided,
    "event_arrived": EventArrived,
    "child_run_ended": ChildRunEnded,
    "undos_ended": UndosEnded,
    "rollback_asked": RollbackAsked,
    "step_retried": StepRetried,
    "step_passed": StepPassed,
    "step_given_up": StepGivenUp,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}
_UUIDS = frozenset({"step_run", "scope", "run", "token"})


def fact_dump(fact: Fact) -> dict[str, Any]:
    """Give the fact as JSON with its `type`; defaults are left out."""
    row: dict[str, Any] = {"type": _NAMES[type(fact)]}
    defaults = {field.name: field.default for field in fields(fact)}
    for name, value in asdict(fact).items():
        if name in defaults and value == defaults[name]:
            continue
        row[name] = str(value) if name in _UUIDS else value
    return row


def fact_load(row: dict[str, Any]) -> Fact:
    """Read what `fact_dump` wrote.

    Raises:
        KeyError: an unknown type.
    """
    values = {
        name: UUID(value) if name in _UUIDS and value is not None else value
        for name, value in row.items()
        if name != "type"
    }
    return _TYPES[row["type"]](**values)


__all__ = [
    "BodyEnded",
    "BodyIdle",
    "BodyWaking",
    "ChildRunEnded",
    "ContainerOpened",
    "Decided",
    "EventArrived",
    "Fact",
    "RollbackAsked",
    "ScopeCancelled",
    "ScopeOpened",
    "SlotGranted",
    "StepFailed",
    "StepGivenUp",
    "StepHeld",
    "StepLost",
    "StepPassed",
    "StepRetried",
    "StepSkipped",
    "StepSucceeded",
    "StepSuspended",
    "TimerFired",
    "TriggerFired",
    "UndosEnded",
    "WorkerFact",
    "fact_dump",
    "fact_load",
]
