import pytest

from approvals_app.core.answers import Answer, accepts, problems

DIGEST = "a" * 64


def answer(**given):
    return Answer(**{"decision": "approve", "digest": DIGEST, **given})


def test_a_repeat_is_told_from_another_answer():
    assert answer().body_digest == answer().body_digest
    assert answer().body_digest != answer(reason="because").body_digest
    assert answer().body_digest != answer(arguments={"amount": 1}).body_digest


def test_whoever_approves_an_edit_agrees_with_whoever_made_it():
    edited = answer(arguments={"amount": 1}).agreed_digest("b" * 64)

    assert answer(digest="b" * 64).agreed_digest("b" * 64) == edited
    assert answer().agreed_digest(DIGEST) != edited


def test_two_different_outputs_do_not_agree():
    one = answer(decision="take_over", output={"a": 1}).agreed_digest(DIGEST)
    other = answer(decision="take_over", output={"a": 2}).agreed_digest(DIGEST)

    assert one != other


@pytest.mark.parametrize(
    ("decisions", "given", "is_taken"),
    [
        ({"approve"}, {}, True),
        ({"approve"}, {"arguments": {}}, True),
        ({"edit"}, {}, False),
        ({"edit"}, {"arguments": {}}, True),
        ({"label"}, {"label": "refund"}, True),
        ({"answer"}, {"output": 42}, True),
        ({"answer"}, {"label": "refund"}, False),
        ({"take_over"}, {}, False),
        ({"take_over"}, {"decision": "take_over"}, True),
        ({"approve", "reject"}, {"decision": "change"}, False),
    ],
)
def test_a_gate_takes_what_it_offers(decisions, given, is_taken):
    assert accepts(frozenset(decisions), answer(**given)) is is_taken


@pytest.mark.parametrize(
    ("given", "risk", "codes"),
    [
        ({}, "low", []),
        ({"decision": "reject"}, "low", ["reason_missing"]),
        ({"decision": "reject", "reason": "  "}, "low", ["reason_missing"]),
        ({"decision": "reject", "reason": "no"}, "low", []),
        ({}, "high", ["reason_missing"]),
        ({"reason": "checked"}, "high", []),
        ({"decision": "change"}, "low", ["changes_missing"]),
        ({"changes": {"skip": []}}, "low", ["changes_unused"]),
        ({"decision": "take_over", "arguments": {}}, "low", ["arguments_unused"]),
    ],
)
def test_what_an_answer_lacks(given, risk, codes):
    assert [problem["code"] for problem in problems(answer(**given), risk=risk)] == codes
