from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.policy import Gate, Refusal, Vote, is_met, seat_for, wants_reason

ANNA, BEN, CLEO, DAN, EVE = 1, 2, 3, 4, 5
PEOPLE = st.frozensets(st.integers(1, 6))


def gate(
    *,
    need=1,
    risk="medium",
    assigned=(ANNA, BEN),
    present=None,
    requesters=(),
    starter=None,
    delegations=None,
    is_rehearsal=False,
):
    return Gate(
        need=need,
        risk=risk,
        is_rehearsal=is_rehearsal,
        assigned=frozenset(assigned),
        present=frozenset(assigned if present is None else present),
        requesters=frozenset(requesters),
        starter=starter,
        delegations={seat: frozenset(people) for seat, people in (delegations or {}).items()},
    )


GATES = st.builds(
    gate,
    need=st.integers(1, 4) | st.just("all"),
    risk=st.sampled_from(["low", "medium", "high", "critical"]),
    assigned=PEOPLE,
    requesters=PEOPLE,
    starter=st.none() | st.integers(1, 6),
    delegations=st.dictionaries(st.integers(1, 6), PEOPLE, max_size=4),
)


def vote_all(asked, people):
    """Let each person answer in turn, as far as the policy allows."""
    votes = []
    for person in people:
        seat = seat_for(asked, person, votes)
        if not isinstance(seat, Refusal):
            votes.append(Vote(person=person, seat=seat))
    return votes


@given(GATES, st.lists(st.integers(1, 6), max_size=20))
def test_nobody_of_the_requester_set_ever_gets_a_seat(asked, people):
    votes = vote_all(asked, people)

    assert not {vote.person for vote in votes} & asked.requesters
    assert not {vote.seat for vote in votes} & asked.requesters


@given(GATES, st.lists(st.integers(1, 6), max_size=20))
def test_people_and_seats_are_used_once(asked, people):
    votes = vote_all(asked, people)

    assert len({vote.person for vote in votes}) == len(votes)
    assert len({vote.seat for vote in votes}) == len(votes)


@given(GATES, st.lists(st.integers(1, 6), max_size=20))
def test_a_met_gate_has_as_many_people_as_it_needs(asked, people):
    votes = vote_all(asked, people)

    if is_met(asked, votes):
        assert len(votes) >= (1 if asked.need == "all" else asked.need)
        assert asked.risk != "critical" or len(votes) >= 2


@given(GATES)
def test_a_gate_that_can_never_be_met_is_never_met(asked):
    if not asked.can_be_met:
        assert not is_met(asked, vote_all(asked, range(1, 7)))


def test_an_assignee_sits_in_their_own_seat():
    assert seat_for(gate(), ANNA, []) == ANNA


def test_a_stranger_is_refused():
    assert seat_for(gate(), EVE, []) is Refusal.STRANGER


def test_a_requester_is_refused_though_assigned():
    assert seat_for(gate(requesters=(ANNA,)), ANNA, []) is Refusal.REQUESTER


def test_a_person_answers_once():
    assert seat_for(gate(need=2), ANNA, [Vote(person=ANNA, seat=ANNA)]) is Refusal.ANSWERED


def test_a_delegate_answers_instead_of_the_person_not_beside():
    asked = gate(need=2, delegations={ANNA: [CLEO]})

    seat = seat_for(asked, CLEO, [])

    assert seat == ANNA
    assert seat_for(asked, ANNA, [Vote(person=CLEO, seat=ANNA)]) is Refusal.ANSWERED
    assert not is_met(asked, [Vote(person=CLEO, seat=ANNA)])
    assert is_met(asked, [Vote(person=CLEO, seat=ANNA), Vote(person=BEN, seat=BEN)])


def test_a_requesters_delegate_has_no_seat_to_sit_in():
    asked = gate(requesters=(ANNA,), delegations={ANNA: [CLEO]})

    assert seat_for(asked, CLEO, []) is Refusal.STRANGER


def test_a_delegate_who_asked_for_it_is_refused():
    asked = gate(requesters=(CLEO,), delegations={ANNA: [CLEO]})

    assert seat_for(asked, CLEO, []) is Refusal.REQUESTER


def test_all_waits_for_everybody_but_the_requesters():
    asked = gate(need="all", assigned=(ANNA, BEN, CLEO), requesters=(CLEO,))

    assert not is_met(asked, [Vote(person=ANNA, seat=ANNA)])
    assert is_met(asked, [Vote(person=ANNA, seat=ANNA), Vote(person=BEN, seat=BEN)])


def test_all_counts_those_of_the_newest_rung():
    asked = gate(need="all", assigned=(ANNA, BEN, DAN), present=(DAN,))

    assert not is_met(asked, [Vote(person=ANNA, seat=ANNA)])
    assert is_met(asked, [Vote(person=DAN, seat=DAN)])


def test_critical_risk_wants_two_people_whatever_the_gate_says():
    asked = gate(risk="critical", need=1)

    assert not is_met(asked, [Vote(person=ANNA, seat=ANNA)])
    assert is_met(asked, [Vote(person=ANNA, seat=ANNA), Vote(person=BEN, seat=BEN)])
    assert not gate(risk="critical", assigned=(ANNA,)).can_be_met


def test_whoever_started_a_rehearsal_may_answer_it_alone():
    asked = gate(
        need=2, assigned=(), requesters=(DAN,), starter=DAN, is_rehearsal=True, risk="critical"
    )

    assert seat_for(asked, DAN, []) == DAN
    assert is_met(asked, [Vote(person=DAN, seat=DAN)])


def test_whoever_started_a_live_run_may_not():
    asked = gate(assigned=(DAN,), requesters=(DAN,), starter=DAN)

    assert seat_for(asked, DAN, []) is Refusal.REQUESTER
    assert not asked.can_be_met


def test_rejections_and_high_risk_want_a_reason():
    assert wants_reason(decision="reject", risk="low")
    assert wants_reason(decision="approve", risk="high")
    assert wants_reason(decision="approve", risk="critical")
    assert not wants_reason(decision="approve", risk="medium")
