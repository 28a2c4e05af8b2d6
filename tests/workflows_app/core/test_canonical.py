"""One form of bytes for each JSON value."""

import json

import pytest
from hypothesis import given

from tests.workflows_app.core.json_values import json_values
from workflows_app.core.canonical import canonical_bytes, digest, numbers_normalise


def reordered(value):
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(list(value))}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(json_values)
def test_the_order_of_keys_does_not_change_the_digest(value):
    assert digest(reordered(value)) == digest(value)


@given(json_values)
def test_canonical_bytes_are_json_of_an_equal_value(value):
    assert json.loads(canonical_bytes(value), parse_int=float) == value


@given(json_values)
def test_normalised_numbers_have_the_same_digest_and_stay_normal(value):
    normal = numbers_normalise(value)

    assert digest(normal) == digest(value)
    assert numbers_normalise(normal) == normal


def test_a_known_digest():
    assert canonical_bytes({"b": [1.0, "é"], "a": None}) == '{"a":null,"b":[1,"é"]}'.encode()
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def test_large_integers_have_digests_of_their_own():
    assert digest({"a": 2**60}) != digest({"a": 2**60 + 1})
    assert digest({"a": 2**60}) != digest({"a": str(2**60)})


@pytest.mark.parametrize("value", [float("nan"), {"a": float("inf")}, {1: 2}, "\ud800", {1, 2}])
def test_what_is_not_json_has_no_digest(value):
    with pytest.raises(ValueError, match="not JSON"):
        digest(value)


def test_whole_doubles_become_integers_up_to_the_limit():
    assert json.dumps(numbers_normalise([2.0, -0.0, 2.5, 1e20, True])) == "[2, 0, 2.5, 1e+20, true]"
