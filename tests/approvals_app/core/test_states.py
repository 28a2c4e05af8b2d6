from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.states import (
    DECIDED,
    TRANSITIONS,
    ApprovalState,
    IllegalTransition,
    Trigger,
    next_state,
)

SEALED = frozenset({ApprovalState.EXPIRED, ApprovalState.WITHDRAWN})


@pytest.mark.parametrize(("state", "trigger"), list(product(ApprovalState, Trigger)))
def test_every_pair_is_in_the_table_or_refused(state, trigger):
    expected = TRANSITIONS.get((state, trigger))

    if expected is None:
        with pytest.raises(IllegalTransition):
            next_state(state, trigger)
    else:
        assert next_state(state, trigger) is expected


@given(st.lists(st.sampled_from(Trigger), max_size=30))
def test_an_expired_or_withdrawn_request_stays_so(triggers):
    state, sealed = ApprovalState.PENDING, None
    for trigger in triggers:
        try:
            state = next_state(state, trigger)
        except IllegalTransition:
            continue
        assert sealed is None
        sealed = state if state in SEALED else None


@given(st.lists(st.sampled_from(Trigger), max_size=30))
def test_only_a_persons_approval_approves(triggers):
    state, came_by = ApprovalState.PENDING, None
    for trigger in triggers:
        try:
            state, came_by = next_state(state, trigger), trigger
        except IllegalTransition:
            continue
        if state is ApprovalState.APPROVED:
            assert came_by is Trigger.APPROVE


def test_a_decision_can_be_taken_back_or_withdrawn_and_nothing_else():
    for state in DECIDED:
        possible = {trigger for source, trigger in TRANSITIONS if source is state}
        assert possible == {Trigger.UNDO, Trigger.WITHDRAW}
