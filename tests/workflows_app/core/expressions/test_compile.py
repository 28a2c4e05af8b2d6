"""What compiles, what is refused with line and column, and what a source names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows_app.core.expressions import (
    ExpressionProblem,
    compile_condition,
    compile_expression,
)

NAMES = frozenset({"input", "steps", "run", "item"})


def problem(source, compiler=compile_expression):
    with pytest.raises(ExpressionProblem) as caught:
        compiler(source, NAMES)
    return caught.value


@given(st.text(max_size=40) | st.text("input.steps[]{}()?:'\"\\+-*/%&|<>=!, 0123\n", max_size=40))
def test_any_text_compiles_or_is_a_problem(text):
    found = None
    try:
        compile_expression(text, NAMES)
    except ExpressionProblem as problem:
        found = problem

    assert found is None or (found.line >= 1 and found.column >= 1 and found.message)


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("", "expression_syntax", 1, 1),
        ("input.a >", "expression_syntax", 1, 10),
        ("input.a +\n  foo", "expression_unknown_name", 2, 3),
        ("foo(1)", "expression_unknown_name", 1, 4),
        ("input.n * 2", "expression_integer", 1, 11),
        ("1 + input.n", "expression_integer", 1, 1),
        ("-1 - input.n", "expression_integer", 1, 1),
        ("input.n % 2", "expression_integer", 1, 11),
        ("input.?n.orValue(0) + 1.0", "expression_integer", 1, 18),
        ("size(input.l) + input.n", "expression_integer", 1, 5),
        ("steps[input.a]", "expression_steps", 1, 1),
        ("steps", "expression_steps", 1, 1),
        ("steps.?a", "expression_optional", 1, 6),
        ("b'x'", "expression_function", 1, 1),
        ("lists.range(3)", "expression_function", 1, 12),
        ("1.0 + 1", "expression_type", 1, 5),
        ("input.n % 2.0", "expression_type", 1, 9),
        ("(" * 60 + "1" + ")" * 60, "expression_too_deep", 1, 1),
        ("'" + "x" * 2_000 + "'", "expression_too_long", 1, 1),
        ("'\0'", "expression_syntax", 1, 1),
    ],
)
def test_problems_have_a_code_and_a_place(source, code, line, column):
    found = problem(source)

    assert (found.code, found.line, found.column) == (code, line, column)


def test_the_integer_problem_says_how_to_put_it_right():
    assert "write 2.0 instead of 2" in problem("input.n * 2").message
    assert "int(...) % 2" in problem("input.n % 2").message


@pytest.mark.parametrize(
    "source",
    [
        "size(input.l) + 1",
        "input.l[0]",
        "input.n == 2",
        "input.n > 1",
        "int(input.n) % 2",
        "[1, 2].map(x, x + 1)",
        "input.n * 2.0",
    ],
)
def test_integers_are_welcome_where_they_are_no_arithmetic_with_data(source):
    compile_expression(source, NAMES)


def test_a_condition_must_be_able_to_be_boolean():
    assert problem("size(input.l)", compile_condition).code == "expression_type"
    assert problem("'text'", compile_condition).code == "expression_type"
    compile_condition("input.anything", NAMES)


def test_more_than_three_loops_inside_each_other_are_refused():
    source = "[1].exists(a, [1].exists(b, [1].exists(c, [1].exists(d, true))))"

    assert problem(source).code == "expression_too_deep"
    compile_expression("[1].map(a, a).map(b, b).map(c, c).map(d, d)", NAMES)


@pytest.mark.parametrize(
    ("source", "refs"),
    [
        ("steps.a.output.x + steps['b'].?output.?n.orValue(0.0)", {"a", "b"}),
        ("has(steps.c.output)", {"c"}),
        ("input.l.exists(x, x == steps.d.output)", {"d"}),
        ("input.l.exists(steps, steps.x.y)", set()),
        ("'steps.e.output'", set()),
        ("run.id", set()),
    ],
)
def test_the_steps_that_a_source_names(source, refs):
    assert compile_expression(source, NAMES).refs == refs


def test_compiling_twice_gives_the_same_object():
    assert compile_condition("input.a", NAMES) is compile_condition("input.a", set(NAMES))
