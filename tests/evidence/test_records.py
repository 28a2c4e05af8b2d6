"""A record's bytes and its link, without a database."""

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from workflows_app.evidence.core.records import GENESIS, Fields, link_next, record_build, time_text

SPACE = UUID(int=1)


def fields(**changes) -> Fields:
    given = {
        "source": "app",
        "id": 7,
        "at": datetime(2026, 1, 5, 9, 0, tzinfo=UTC),
        "type": "member.changed",
        "object": "user:mira",
        "actor": "operator",
        "why": "",
        "data": None,
        "owner": SPACE,
    }
    return Fields(**(given | changes))


def test_a_hash_is_that_of_the_previous_one_and_the_canonical_record():
    record, canonical = record_build(fields(data='{"b":1,"a":2}'), workspace=SPACE, position=1)
    link = link_next(GENESIS, canonical, position=1)

    assert canonical == rfc8785.dumps(record)
    assert link.hash == sha256(GENESIS + rfc8785.dumps(record)).digest()
    assert link.record_hash == sha256(canonical).digest()


def test_times_are_utc_with_microseconds_whatever_the_zone():
    here = datetime(2026, 1, 5, 11, 0, tzinfo=timezone(timedelta(hours=2)))

    assert time_text(here) == "2026-01-05T09:00:00.000000Z"


@pytest.mark.parametrize("text", ['{"n":1.0}', '{"n": 1}', '{"n":1e0}'])
def test_another_spelling_of_the_same_data_is_another_record(text):
    _, written = record_build(fields(data='{"n":1}'), workspace=SPACE, position=1)
    _, changed = record_build(fields(data=text), workspace=SPACE, position=1)

    assert changed != written


@pytest.mark.parametrize("text", ['{"n":9007199254740993}', '{"n":1e999}', "{broken", "[" * 20_000])
def test_data_that_has_no_canonical_form_stands_as_its_text(text):
    record, canonical = record_build(fields(data=text), workspace=SPACE, position=1)

    assert record["data"] == text
    assert canonical == rfc8785.dumps(record)


@pytest.mark.parametrize(
    "change",
    [
        {"id": 8},
        {"at": datetime(2026, 1, 5, 9, 0, 0, 1, tzinfo=UTC)},
        {"type": "member.removed"},
        {"object": "user:mirA"},
        {"actor": "user:sam"},
        {"why": "because"},
        {"data": "{}"},
        {"owner": None},
        {"owner": UUID(int=2)},
        {"source": "run", "run": UUID(int=3)},
        {"sequence": 1},
        {"path": "a"},
        {"generation": 0},
        {"from_state": "ready"},
        {"to_state": "running"},
        {"trigger": "claim"},
    ],
)
def test_every_member_counts(change):
    _, before = record_build(fields(), workspace=SPACE, position=1)
    _, after = record_build(fields(**change), workspace=SPACE, position=1)

    assert after != before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(data=JSON, why=st.text(st.characters(exclude_categories=["Cs"])))
def test_the_bytes_are_canonical_whatever_the_data(data, why):
    text = json.dumps(data, ensure_ascii=True)

    record, canonical = record_build(fields(data=text, why=why), workspace=SPACE, position=1)

    assert canonical == rfc8785.dumps(record)
    assert record["data"] in (data, text)
