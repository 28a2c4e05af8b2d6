"""States of runs, scopes and step runs, and the moves between them, as tables."""

from enum import StrEnum


class RunState(StrEnum):
    """Where a run stands. Source: docs/semantics.md."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    COMPENSATED = "compensated"


RUN_TERMINAL = frozenset(
    {
        RunState.SUCCEEDED,
        RunState.FAILED,
        RunState.CANCELLED,
        RunState.TIMED_OUT,
        RunState.COMPENSATED,
    }
)
# A worker may claim a step only while its run is in one of these. Cancelling and
# compensating runs still run undos; their ordinary steps are no longer ready.
RUN_CLAIMABLE = frozenset(
    {
        RunState.QUEUED,
        RunState.RUNNING,
        RunState.WAITING,
        RunState.CANCELLING,
        RunState.COMPENSATING,
    }
)


class StepState(StrEnum):
    """Where a step run stands; what has no row yet is pending."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    COMPENSATING = "compensating"
    COMPENSATED = "compensated"


STEP_OPEN = frozenset({StepState.READY, StepState.RUNNING, StepState.WAITING})
STEP_ENDED = frozenset(
    {
        StepState.SUCCEEDED,
        StepState.FAILED,
        StepState.SKIPPED,
        StepState.CANCELLED,
        StepState.TIMED_OUT,
        StepState.COMPENSATING,
        StepState.COMPENSATED,
    }
)


class Trigger(StrEnum):
    """What asks for a change of a step run's state."""

    CLAIM = "claim"
    SUSPEND = "suspend"
    RESUME = "resume"
    RELEASE = "release"
    SUCCEED = "succeed"
    FAIL = "fail"
    TIME_OUT = "time_out"
    SKIP = "skip"
    CANCEL = "cancel"
    REOPEN = "reopen"
    UNDO = "undo"
    UNDONE = "undone"
    UNDO_SKIPPED = "undo_skipped"


class IllegalTransition(Exception):
    """The state does not allow what was asked."""

    def __init__(self, state: StrEnum | str, trigger: StrEnum | str) -> None:
        super().__init__(f"{trigger} is not possible while {state}")
        self.state = str(state)
        self.trigger = str(trigger)


STEP_TRANSITIONS: dict[tuple[StepState, Trigger], StepState] = {
    (StepState.READY, Trigger.CLAIM): StepState.RUNNING,
    (StepState.READY, Trigger.SUSPEND): StepState.WAITING,
    (StepState.READY, Trigger.SUCCEED): StepState.SUCCEEDED,
    (StepState.READY, Trigger.FAIL): StepState.FAILED,
    (StepState.READY, Trigger.TIME_OUT): StepState.TIMED_OUT,
    (StepState.READY, Trigger.SKIP): StepState.SKIPPED,
    (StepState.READY, Trigger.CANCEL): StepState.CANCELLED,
    (StepState.RUNNING, Trigger.SUSPEND): StepState.WAITING,
    (StepState.RUNNING, Trigger.RELEASE): StepState.READY,  # lease ran out, retried at once
    (StepState.RUNNING, Trigger.SUCCEED): StepState.SUCCEEDED,
    (StepState.RUNNING, Trigger.FAIL): StepState.FAILED,
    (StepState.RUNNING, Trigger.TIME_OUT): StepState.TIMED_OUT,
    (StepState.RUNNING, Trigger.SKIP): StepState.SKIPPED,
    (StepState.RUNNING, Trigger.CANCEL): StepState.CANCELLED,
    (StepState.WAITING, Trigger.RESUME): StepState.READY,
    (StepState.WAITING, Trigger.REOPEN): StepState.RUNNING,
    (StepState.WAITING, Trigger.SUSPEND): StepState.WAITING,  # for another reason
    (StepState.WAITING, Trigger.SUCCEED): StepState.SUCCEEDED,
    (StepState.WAITING, Trigger.FAIL): StepState.FAILED,
    (StepState.WAITING, Trigger.TIME_OUT): StepState.TIMED_OUT,
    (StepState.WAITING, Trigger.SKIP): StepState.SKIPPED,
    (StepState.WAITING, Trigger.CANCEL): StepState.CANCELLED,
    (StepState.SUCCEEDED, Trigger.REOPEN): StepState.RUNNING,
    (StepState.FAILED, Trigger.REOPEN): StepState.RUNNING,
    (StepState.CANCELLED, Trigger.REOPEN): StepState.RUNNING,
    (StepState.TIMED_OUT, Trigger.REOPEN): StepState.RUNNING,
    (StepState.SUCCEEDED, Trigger.UNDO): StepState.COMPENSATING,
    (StepState.CANCELLED, Trigger.UNDO): StepState.COMPENSATING,
    (StepState.FAILED, Trigger.UNDO): StepState.COMPENSATING,
    (StepState.READY, Trigger.UNDO): StepState.COMPENSATING,  # its body acted, and is cancelled
    (StepState.RUNNING, Trigger.UNDO): StepState.COMPENSATING,  # it acted; what it gave is refused
    (StepState.WAITING, Trigger.UNDO): StepState.COMPENSATING,  # its review was rejected
    (StepState.COMPENSATING, Trigger.UNDONE): StepState.COMPENSATED,
    (StepState.COMPENSATING, Trigger.UNDO_SKIPPED): StepState.SUCCEEDED,
    (StepState.COMPENSATING, Trigger.FAIL): StepState.FAILED,  # nothing was there to undo
    (StepState.COMPENSATING, Trigger.TIME_OUT): StepState.TIMED_OUT,
    (StepState.COMPENSATING, Trigger.CANCEL): StepState.CANCELLED,
}


def next_state(state: StepState, trigger: Trigger) -> StepState:
    """Give the state that `trigger` leads to.

    Raises:
        IllegalTransition: the table has no such move.
    """
    try:
        return STEP_TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state, trigger) from None


class ScopeState(StrEnum):
    """Where a scope stands. A pending map item has a row and waits for its slot."""

    PENDING = "pending"
    OPEN = "open"
    CLOSING = "closing"
    ENDED = "ended"


class WaitReason(StrEnum):
    """What a waiting step run waits for."""

    APPROVAL = "approval"
    REVIEW = "review"
    CHECKPOINT = "checkpoint"
    EVENT = "event"
    TRIGGER = "trigger"
    TIMER = "timer"
    RETRY = "retry"
    CHILD = "child"
    BUDGET = "budget"
    RATE = "rate"
    BREAKER = "breaker"
    EXCLUSIVE = "exclusive"
    INCIDENT = "incident"


class Effect(StrEnum):
    """What a step's outside call may change."""

    NONE = "none"
    REVERSIBLE = "reversible"
    IRREVERSIBLE = "irreversible"
