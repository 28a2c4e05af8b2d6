from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.shown import changes_count, countdown, diff, is_hidden, rows, visible


@given(st.text())
def test_no_hidden_character_reaches_the_reader(text):
    parts = visible(text)

    assert not any(is_hidden(character) for part in parts for character in part.text)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_plain_text_stays_what_it_is(text):
    assert "".join(part.text for part in visible(text)) == text


def test_a_change_of_writing_direction_is_named():
    parts = visible("pay \u202egnp.exe")

    assert [(part.text, part.is_hidden) for part in parts] == [
        ("pay ", False),
        ("U+202E", True),
        ("gnp.exe", False),
    ]


def test_nested_fields_are_named_by_their_path():
    shown = rows({"to": {"iban": "DE1"}, "lines": [{"amount": 3}], "empty": [], "flag": True})

    assert [(row.name, row.parts[0].text) for row in shown] == [
        ("to.iban", "DE1"),
        ("lines[0].amount", "3"),
        ("empty", "[]"),
        ("flag", "true"),
    ]


def test_a_long_value_carries_its_length_and_hash():
    (row,) = rows({"note": "x" * 500})

    assert row.is_long
    assert row.length == 500
    assert len(row.hash) == 16


def test_a_diff_shows_each_change_twice():
    shown = diff({"amount": 1840, "to": "a"}, {"amount": 1610, "to": "a", "new": None})

    assert [(row.sign, row.name, row.parts[0].text) for row in shown] == [
        ("-", "amount", "1840"),
        ("+", "amount", "1610"),
        ("", "to", "a"),
        ("+", "new", "null"),
    ]


def test_a_number_and_its_text_differ():
    assert changes_count({"n": 1}, {"n": "1"}) == 1
    assert changes_count({"n": 1}, {"n": 1}) == 0


def test_time_left_is_said_in_words():
    assert countdown(-1) == "overdue"
    assert countdown(59) == "under 1 min"
    assert countdown(23 * 60 + 14) == "23 min"
    assert countdown(2 * 3600 + 600) == "2 h 10 min"
    assert countdown(5 * 3600) == "5 h"
    assert countdown(86_400) == "1 day"
    assert countdown(200_000) == "2 days"
