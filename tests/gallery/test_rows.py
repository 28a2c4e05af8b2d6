"""Counting rows and checking texts."""

from workflows_app.gallery.core.rows import accuracy, group_by
from workflows_app.gallery.core.texts import check_text, extract

ITEMS = [
    {"text": "a", "label": "red", "category": "red", "confidence": 0.5},
    {"text": "b", "label": "blue", "category": "red", "confidence": 1.0},
    None,
    {"text": "c", "label": "red"},
    {"text": "d", "label": None, "category": "red"},
]


def test_groups_come_largest_first_with_a_few_texts_each():
    result = group_by(ITEMS, field="label", show="text", sample=1)

    assert result["groups"] == [
        {"key": "red", "count": 2, "share": 0.6667, "sample": ["a"]},
        {"key": "blue", "count": 1, "share": 0.3333, "sample": ["b"]},
    ]
    assert (result["total"], result["count"], result["missing"]) == (3, 2, 2)


def test_nothing_to_group_says_so():
    result = group_by([None], field="label", show="text", sample=5)

    assert result["groups"] == []
    assert result["headline"] == "Nothing was labelled."


def test_accuracy_counts_only_items_with_a_known_answer():
    result = accuracy(ITEMS, given="label", expected="category")

    assert (result["checked"], result["correct"], result["accuracy"]) == (3, 1, 0.3333)
    assert result["confidence"] == 0.75
    assert {"expected": "red", "given": "blue", "count": 1} in result["mistakes"]


def test_accuracy_without_a_known_answer_is_null():
    assert accuracy([{"label": "red"}], given="label", expected="category")["accuracy"] is None


def test_three_thousand_messages_are_grouped_and_scored():
    items = [{"text": f"t{n}", "label": f"l{n % 77}", "category": "l0"} for n in range(3080)]

    grouped = group_by(items, field="label", show="text", sample=5)
    scored = accuracy(items, given="label", expected="category")

    assert (grouped["count"], grouped["total"]) == (77, 3080)
    assert (scored["checked"], scored["correct"]) == (3080, 40)


def test_a_notice_that_says_everything_in_few_words_scores_one():
    result = check_text("Closed on Monday.", must_mention=["monday"], most_words=10)

    assert result == {"score": 1.0, "findings": "", "words": 3}


def test_each_finding_names_what_is_wrong():
    result = check_text("one two three", must_mention=["Monday"], most_words=2)

    assert result["score"] == 0.3333
    assert "Monday" in result["findings"]
    assert "3 words" in result["findings"]


def test_fields_amounts_and_dates_are_found_in_a_document():
    result = extract("Total: 1,290.50 EUR\nDue: 2026-03-01")

    assert result["fields"] == {"total": "1,290.50 EUR", "due": "2026-03-01"}
    assert result["amounts"] == [1290.5]
    assert result["dates"] == ["2026-03-01"]
