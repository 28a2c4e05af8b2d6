"""States of an approval request and the moves between them, as a table."""

from enum import StrEnum


class ApprovalState(StrEnum):
    """Where a request stands. Claimed, delegated and escalated requests are still pending."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    TAKEN_OVER = "taken_over"


class Trigger(StrEnum):
    """What asks for a change of a request's state."""

    VOTE = "vote"
    APPROVE = "approve"
    REJECT = "reject"
    TAKE_OVER = "take_over"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    UNDO = "undo"


class IllegalTransition(Exception):
    """The state does not allow what was asked."""

    def __init__(self, state: ApprovalState, trigger: Trigger) -> None:
        super().__init__(f"{trigger} is not possible while {state}")
        self.state = state
        self.trigger = trigger


DECIDED = frozenset({ApprovalState.APPROVED, ApprovalState.REJECTED, ApprovalState.TAKEN_OVER})

# A decided request goes back, or is withdrawn, only until its decision takes effect: the
# services check that by the dispatch timer, which is the one thing both sides race for.
TRANSITIONS: dict[tuple[ApprovalState, Trigger], ApprovalState] = {
    (ApprovalState.PENDING, Trigger.VOTE): ApprovalState.PENDING,  # others are still to answer
    (ApprovalState.PENDING, Trigger.APPROVE): ApprovalState.APPROVED,
    (ApprovalState.PENDING, Trigger.REJECT): ApprovalState.REJECTED,
    (ApprovalState.PENDING, Trigger.TAKE_OVER): ApprovalState.TAKEN_OVER,
    (ApprovalState.PENDING, Trigger.EXPIRE): ApprovalState.EXPIRED,
    (ApprovalState.PENDING, Trigger.WITHDRAW): ApprovalState.WITHDRAWN,
    (ApprovalState.APPROVED, Trigger.UNDO): ApprovalState.PENDING,
    (ApprovalState.APPROVED, Trigger.WITHDRAW): ApprovalState.WITHDRAWN,
    (ApprovalState.REJECTED, Trigger.UNDO): ApprovalState.PENDING,
    (ApprovalState.REJECTED, Trigger.WITHDRAW): ApprovalState.WITHDRAWN,
    (ApprovalState.TAKEN_OVER, Trigger.UNDO): ApprovalState.PENDING,
    (ApprovalState.TAKEN_OVER, Trigger.WITHDRAW): ApprovalState.WITHDRAWN,
}


def next_state(state: ApprovalState, trigger: Trigger) -> ApprovalState:
    """Give the state that `trigger` leads to.

    Raises:
        IllegalTransition: the table has no such move.
    """
    try:
        return TRANSITIONS[state, trigger]
    except KeyError:
        raise IllegalTransition(state, trigger) from None
