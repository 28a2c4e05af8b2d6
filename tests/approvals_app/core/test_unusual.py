from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.unusual import Change, History, Proposal, number_text, unusual


def past(count, **arguments):
    """So many approved requests, newest first; a callable argument sees the position."""
    return [
        Proposal(
            number=count - i,
            arguments={n: v(i) if callable(v) else v for n, v in arguments.items()},
            requester="olga",
            given=frozenset({"links"}),
        )
        for i in range(count)
    ]


def asked(requester="olga", given=("links",), **arguments):
    return Proposal(number=99, arguments=arguments, requester=requester, given=frozenset(given))


def codes(proposal, history):
    return [fact.code for fact in unusual(proposal, history)]


def test_nothing_is_unusual_without_a_history():
    assert unusual(asked(amount=1_000_000, customer="c"), History()) == []


def test_an_amount_far_from_what_a_customer_had_is_told_with_its_median():
    own = past(3, amount=lambda i: [250.0, 297.0, 300.0][i])
    history = History(entity=own, entity_word="customer", entity_argument="customer")

    (fact,) = unusual(asked(amount=1840.0), history)

    assert fact.text == "amount is 6.2 times this customer's median (297 in 3 approved)."
    assert fact.requests == (3, 2, 1)


def test_a_small_amount_is_unusual_as_well():
    own = past(4, amount=400.0)
    history = History(entity=own, entity_word="customer")

    assert (
        "a quarter of this customer's median (400" in unusual(asked(amount=100.0), history)[0].text
    )


def test_two_earlier_requests_prove_nothing():
    assert codes(asked(amount=1840.0), History(entity=past(2, amount=1.0))) == []


def test_a_value_that_a_customer_never_had_is_told_with_the_old_one():
    own = past(6, pay_out="DE89 4471", amount=5.0)
    history = History(entity=own, entity_word="customer", entity_argument="customer")

    (fact,) = unusual(asked(pay_out="DE00 1234", amount=5.0), history)

    assert fact.code == "entity_changed"
    assert fact.text == "pay_out is new for this customer: all 6 approved before had “DE89 4471”."


def test_prose_always_differs_and_is_never_unusual():
    own = past(6, note=lambda i: f"note {i}")
    gate = past(30, note=lambda i: f"note {i}")

    assert codes(asked(note="another"), History(entity=own, gate=gate)) == []


def test_a_number_outside_the_usual_range_of_the_gate_is_told():
    gate = past(40, amount=lambda i: 10.0 + i)

    assert codes(asked(amount=500.0), History(gate=gate)) == ["gate_amount"]
    assert codes(asked(amount=49.0), History(gate=gate)) == []


def test_a_word_that_the_gate_never_had_is_told():
    gate = past(20, currency=lambda i: ["EUR", "USD"][i % 2])

    (fact,) = unusual(asked(currency="XBT"), History(gate=gate))

    assert fact.text == "currency was never “XBT” here, in 20 approved."


def test_new_and_missing_arguments_are_told():
    gate = past(10, amount=5.0, currency="EUR")

    assert codes(asked(amount=5.0, override=True), History(gate=gate)) == [
        "argument_new",
        "argument_missing",
    ]


def test_the_first_request_of_a_person_is_told():
    assert codes(asked("mallory"), History(gate=past(10))) == ["requester_new"]


def test_evidence_that_is_usually_there_is_missed():
    (fact,) = unusual(asked(given=()), History(gate=past(10)))

    assert fact.text == "It came without links; 100% of 10 approved here had them."


def test_a_confidence_is_missed_where_it_is_usual_and_nowhere_else():
    usual = [replace(one, given=frozenset({"links", "confidence"})) for one in past(10)]

    (fact,) = unusual(asked(), History(gate=usual))

    assert fact.text == "It came without a confidence; 100% of 10 approved here had one."
    assert unusual(asked(), History(gate=past(10))) == []


def test_a_recent_change_is_told_until_ten_were_decided():
    def change(since):
        return History(
            change=Change(what=("the prompt of draft",), version=5, before=4, decided_since=since)
        )

    (fact,) = unusual(asked(), change(1))

    assert fact.text == "The prompt of draft changed with version 5; one was decided since."
    assert fact.versions == (4, 5)
    assert unusual(asked(), change(10)) == []


def test_three_at_most_and_the_most_surprising_first():
    own = past(3, amount=1.0, iban="A")
    gate = past(20, amount=1.0, iban="A", currency="EUR")
    history = History(entity=own, gate=gate, entity_word="customer")

    found = codes(asked("new", given=(), amount=900.0, iban="B", currency="XBT"), history)

    assert found == ["entity_amount", "entity_changed", "gate_value"]


def test_numbers_are_written_for_people():
    assert [number_text(n) for n in (1840.0, 297.5, 0.125, 12_345.678)] == [
        "1,840",
        "297.5",
        "0.125",
        "12,345.68",
    ]


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=90)
)
ARGUMENTS = st.dictionaries(st.text(max_size=8), VALUES | st.lists(VALUES, max_size=2), max_size=4)


@given(ARGUMENTS, st.lists(ARGUMENTS, max_size=14))
def test_whatever_an_agent_wrote_it_answers(arguments, before):
    rows = [Proposal(number=i, arguments=a, requester="o") for i, a in enumerate(before)]
    history = History(gate=rows, entity=rows, entity_word="customer")

    found = unusual(Proposal(number=99, arguments=arguments, requester="p"), history)

    assert len(found) <= 3
