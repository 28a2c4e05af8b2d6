import pytest

from approvals_app.core.evidence import (
    Answered,
    Record,
    is_tightened,
    rule_suggest,
    suggestion,
    wilson_lower,
)


@pytest.mark.parametrize(
    ("agreed", "total", "low"),
    [(0, 0, 0.0), (1, 1, 0.2065), (8, 10, 0.4902), (526, 530, 0.9808), (0, 10, 0.0)],
)
def test_the_bound_is_wilsons(agreed, total, low):
    assert wilson_lower(agreed, total) == pytest.approx(low, abs=1e-4)


def test_critical_gates_are_never_relaxed():
    assert suggestion(Record(agreed=1000, total=1000, risk="low"))[0] == "relax"
    assert suggestion(Record(agreed=1000, total=1000, risk="critical"))[0] == "keep"


def test_a_few_agreements_prove_nothing_yet():
    assert suggestion(Record(agreed=62, total=62, risk="low")) == (
        "wait",
        "Not enough evidence yet, 62 of 100",
    )


def test_frequent_disagreement_shows_early():
    assert suggestion(Record(agreed=15, total=20, risk="medium"))[0] == "tighten"


def test_agreement_only_with_the_agents_view_in_sight_relaxes_nothing():
    record = Record(agreed=990, total=1000, risk="low", blind=20, blind_agreed=15)

    assert suggestion(record) == ("keep", "Keep: without the agent's view only 75% agreed")


def test_questions_and_relaxed_gates_are_not_relaxed():
    assert suggestion(Record(agreed=500, total=500, risk="low", is_question=True))[0] == "keep"
    assert suggestion(Record(agreed=500, total=500, risk="low", is_relaxed=True))[0] == "keep"


def test_a_rule_never_reaches_beyond_what_was_seen():
    answers = [Answered(numbers={"arguments.amount": float(i)}, agreed=True) for i in range(200)]

    assert rule_suggest(answers) == "proposal.arguments.amount <= 199.0"


def test_a_rule_stops_before_people_disagree():
    answers = [
        Answered(numbers={"arguments.amount": float(i), "confidence": 0.9}, agreed=i < 150)
        for i in range(300)
    ]

    assert rule_suggest(answers) == "proposal.arguments.amount <= 149.0"


def test_confidence_counts_from_above():
    answers = [Answered(numbers={"confidence": i / 200}, agreed=i >= 60) for i in range(200)]

    assert rule_suggest(answers) == "proposal.confidence >= 0.3"


def test_too_little_evidence_supports_no_rule():
    answers = [Answered(numbers={"arguments.amount": 1.0}, agreed=True) for _ in range(99)]

    assert rule_suggest(answers) is None


@pytest.mark.parametrize(
    ("agreed", "total", "tightened"), [(4, 4, False), (0, 4, False), (4, 5, True), (9, 10, False)]
)
def test_a_sample_tightens_once_it_says_something(agreed, total, tightened):
    assert is_tightened(agreed, total, 0.9) is tightened
