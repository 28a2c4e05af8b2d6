"""JSON as the product accepts it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows_app.core.json_values import json_values
from workflows_app.core.strict_json import JsonRefused, strict_check, strict_loads


@given(json_values)
def test_clean_json_comes_back_as_it_was(value):
    assert strict_loads(json.dumps(value)) == value
    strict_check(value)


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_any_text_is_either_json_or_refused(text):
    code = "json_"
    try:
        strict_loads(text)
    except JsonRefused as refused:
        code = refused.code

    assert code.startswith("json_")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "json_syntax"),
        ("{", "json_syntax"),
        ("[NaN]", "json_number"),
        ("-Infinity", "json_number"),
        ("1e400", "json_number"),
        ("9223372036854775808", "json_number"),
        ("1" * 5000, "json_number"),
        ('{"a": 1, "b": 2, "a": 3}', "json_duplicate_key"),
        ('"\\ud800"', "json_text"),
        ('{"\\u0000": 1}', "json_text"),
        (b'"\xff"', "json_text"),
        ("[" * 65 + "]" * 65, "json_too_deep"),
        ("[" * 100_000, "json_too_deep"),
        ('"' + "x" * 1_000_001 + '"', "json_too_large"),
    ],
)
def test_what_is_refused(text, code):
    with pytest.raises(JsonRefused) as caught:
        strict_loads(text)

    assert caught.value.code == code


def test_the_limits_are_the_callers():
    assert strict_loads("[[1]]", max_depth=2) == [[1]]
    with pytest.raises(JsonRefused):
        strict_loads("[[1]]", max_depth=1)
    with pytest.raises(JsonRefused):
        strict_loads('{"a": 1, "b": 1}', max_keys=1)
    with pytest.raises(JsonRefused):
        strict_loads('"abc"', max_string=2)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        ({"a": [1, {"b/c": float("nan")}]}, "/a/1/b~1c"),
        ([object()], "/0"),
        ({"a": (1, 2)}, "/a"),
        ([2**64], "/0"),
    ],
)
def test_a_python_value_that_is_no_json_is_refused_where_it_is_not(value, pointer):
    with pytest.raises(JsonRefused) as caught:
        strict_check(value)

    assert caught.value.pointer == pointer
