"""What expressions give, what they refuse, and what they may cost."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workflows_app.core.json_values import json_values
from workflows_app.core.canonical import digest
from workflows_app.core.expressions import (
    ExpressionError,
    compile_condition,
    compile_expression,
)
from workflows_app.core.expressions.values import LIST_LIMIT

NAMES = frozenset({"input", "steps", "run", "previous", "feedback"})
STEPS = {
    "good": {"state": "succeeded", "output": {"n": 2, "items": [1, 2]}},
    "none": {"state": "skipped"},
    "bad": {"state": "failed", "error": {"code": "timeout", "message": "too slow"}},
}


def value(source, data=None):
    values = {"input": data, "steps": STEPS, "run": {"id": "r"}}
    return compile_expression(source, NAMES).evaluate(values)


def holds(source, data=None):
    return compile_condition(source, NAMES).evaluate({"input": data, "steps": STEPS})


def error(source, data=None):
    with pytest.raises(ExpressionError) as caught:
        value(source, data)
    return caught.value


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("steps.good.output.n * 2.0", 4),
        ("steps.none.output", None),
        ("steps.bad.output", None),
        ("steps.good.error", None),
        ("steps.bad.error.code", "timeout"),
        ("steps.none.state", "skipped"),
        ("steps.none.?output.?n.orValue(0.0)", 0),
        ("steps.good.?output.?n.orValue(0.0)", 2),
        ("has(steps.none.output)", False),
        ("has(steps.good.output.n)", True),
        ("steps.good.output.items.map(i, i * 1.5)", [1.5, 3]),
        ("size(steps.good.output.items)", 2),
        ("{'all': steps.good.output, 'n': 1}", {"all": {"n": 2, "items": [1, 2]}, "n": 1}),
        ("cel.bind(x, steps.good.output.n, x + x)", 4),
        ("[3.0, 1.0].sort()", [1, 3]),
        ("math.greatest(1.0, steps.good.output.n)", 2),
        ("timestamp('2026-01-05T09:00:00+01:00')", "2026-01-05T08:00:00Z"),
        ("duration('90m')", "5400s"),
        ("previous", {}),
        ("feedback", None),
        ("run.id", "r"),
    ],
)
def test_what_expressions_give(source, expected):
    given_value = value(source)

    assert given_value == expected
    assert type(given_value) is type(expected)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("steps.none.output.n", "expression_failed"),
        ("input.missing", "expression_failed"),
        ("input.a.b", "expression_failed"),
        ("1 / 0", "expression_failed"),
        ("input.a + 'x'", "expression_failed"),
        ("1.0 / 0.0", "expression_not_json"),
        ("{1: 2}", "expression_not_json"),
        ("[optional.none()]", "expression_not_json"),
        ("type(1)", "expression_not_json"),
    ],
)
def test_an_evaluation_error_is_never_a_value(source, code):
    assert error(source, {"a": 1}).code == code


def test_an_error_in_a_condition_is_not_taken_for_true():
    with pytest.raises(ExpressionError):
        holds("input.missing", {})
    with pytest.raises(ExpressionError) as caught:
        holds("input.text", {"text": "true"})

    assert caught.value.code == "expression_not_boolean"


def test_an_error_beside_the_answer_does_not_matter():
    assert holds("input.missing || input.yes", {"yes": True}) is True


@given(json_values)
def test_a_value_that_is_only_passed_through_stays_as_it_was(data):
    assert value("input.x", {"x": data}) == data
    assert digest(value("[input.x]", {"x": data})) == digest([data])
    assert digest(value("{'k': input.?x.orValue(1.0)}", {"x": data})) == digest({"k": data})


@given(st.integers(-(2**53), 2**53), st.booleans())
def test_the_type_of_a_number_never_depends_on_how_it_was_written(number, as_float):
    written = float(number) if as_float else number

    result = value("input.n + 0.0", {"n": written})

    assert result == number
    assert type(result) is int


def test_integers_beyond_the_doubles_stay_exact():
    assert value("[input.n]", {"n": 2**60 + 1}) == [2**60 + 1]
    assert value("input.n > 5", {"n": 2**60}) is True


def test_a_value_may_be_given_by_a_function_that_is_called_only_when_named():
    asked = []

    def load():
        asked.append(1)
        return {"a": 1}

    source = compile_expression("run.id", NAMES)
    assert source.evaluate({"input": load, "run": {"id": 5}}) == 5
    assert asked == []
    assert compile_expression("input.a", NAMES).evaluate({"input": load}) == 1
    assert asked == [1]


@pytest.mark.parametrize("text", ["'; drop", "{{ input.a }}", "=input.a", "\\u0041"])
def test_data_is_never_evaluated(text):
    assert value("input.a + ''", {"a": text}) == text


def test_passing_on_is_not_bounded_by_what_may_be_computed():
    many = {"items": list(range(LIST_LIMIT * 4)), "text": "x" * 1_000_000}

    assert len(value("input.items", many)) == LIST_LIMIT * 4
    assert value("{'a': input.text}", many) == {"a": many["text"]}
    assert value("size(input.items) > 3 ? input.items : []", many) == many["items"]


@pytest.mark.parametrize(
    "source",
    [
        "input.many.map(x, x)",
        "input.text + input.text",
        "input.many.map(x, input.many)",
        "input.some.map(x, input.text)",
        "input.text.replace('x', input.text)",
        "[input.text].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a)",
        "[[1.0]]" + ".map(a, a + a)" * 25,
        "[input.text, input.text].join(input.text)",
        "'%s%s'.format([input.text, input.text])",
        "input.some.map(a, input.some.map(b, input.some.map(c, a)))",
        "input.some.exists(a, input.some.exists(b, input.some.exists(c, c < 0.0)))",
        "input.many.exists(a, input.many.exists(b, a + b < 0.0))",
        "input.many.exists(a, a < 0.0) || input.some.exists(x, x in input.huge)",
        "input.huge.distinct()",
    ],
)
def test_what_computes_too_much_ends_soon_with_an_error(source):
    data = {
        "many": list(range(LIST_LIMIT + 1)),
        "some": list(range(200)),
        "text": "x" * 200_000,
        "huge": list(range(150_000)),
    }
    began = time.monotonic()

    found = error(source, data)

    assert found.code in ("expression_too_large", "expression_failed")
    assert time.monotonic() - began < 3


def test_lists_up_to_the_limit_may_be_computed():
    data = {"items": list(range(LIST_LIMIT))}

    assert value("input.items.map(x, x + 1.0)", data) == list(range(1, LIST_LIMIT + 1))


def test_only_the_named_parts_of_the_data_are_read():
    data = {"a": 1, "rest": object()}

    assert value("input.a + 1.0", data) == 2


def test_a_small_condition_is_fast():
    condition = compile_condition("input.n > 1.0 && steps.good.output.n < 5.0", NAMES)
    values = {"input": {"n": 3}, "steps": STEPS}
    times = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(200):
            condition.evaluate(values)
        times.append((time.perf_counter() - began) / 200)

    assert min(times) < 0.0005


def test_threads_may_share_a_compiled_expression():
    source = compile_expression("input.l.map(x, x * 2.0)", NAMES)
    wrong = []

    def work(number):
        for _ in range(100):
            if source.evaluate({"input": {"l": [number]}}) != [number * 2]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
