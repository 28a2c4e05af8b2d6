"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows_app.core.durations import duration_parse, duration_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("0s", timedelta()),
        ("1.5s", timedelta(seconds=1.5)),
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("30d", timedelta(days=30)),
    ],
)
def test_each_unit(text, expected):
    assert duration_parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "5 min", "-1s", "1h30m", "1w", "1S", " 1s", "1e3s", "١s", None, 5, "99999d"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match=r"duration|longer"):
        duration_parse(text)


@given(st.integers(0, 10**10))
def test_text_and_duration_are_each_others_inverse(milliseconds):
    duration = timedelta(milliseconds=milliseconds)

    assert duration_parse(duration_text(duration)) == duration
