"""JSON with expressions in it, texts with `{{ }}`, and settings that are rendered."""

from typing import Annotated, Any

import pytest
from hypothesis import given
from pydantic import BaseModel

from tests.workflows_app.core.json_values import json_values
from workflows_app.core.definition.markers import Condition, ConditionText, Fixed, SchemaDocument
from workflows_app.core.expressions import (
    ExpressionProblem,
    compile_value,
    expression_refs,
    expressions,
    has_expression,
    render,
)
from workflows_app.core.kinds import Kind

NAMES = frozenset({"input", "steps"})
VALUES = {"input": {"name": "Ann", "n": 2, "l": [1, "x"], "no": None}, "steps": {}}


def rendered(value):
    return compile_value(value, NAMES).evaluate(VALUES)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("=input.n", 2),
        ("= input.n ", 2),
        ("==input.n", "=input.n"),
        ("===", "=="),
        ("Hi {{ input.name }}!", "Hi Ann!"),
        ("{{input.n}}", "2"),
        ("{{ input.l }} {{ input.no }}.", '[1, "x"] .'),
        ("{{ {'a': {'b': input.n}} }}", '{"a": {"b": 2}}'),
        ("{{ '}}' }} }} {", "}} }} {"),
        ('{{ "{{" }}', "{{"),
        (
            {"a": ["=input.n", {"b": "{{ input.name }}"}], "c": True},
            {"a": [2, {"b": "Ann"}], "c": True},
        ),
        (["==x"], ["=x"]),
        (None, None),
    ],
)
def test_what_is_evaluated_and_what_is_not(value, expected):
    assert rendered(value) == expected


@given(json_values)
def test_json_without_expressions_stays_as_it_is(value):
    if not has_expression(value) and '"==' not in str(value) and "'==" not in str(value):
        assert rendered(value) == value


@given(json_values)
def test_text_from_the_data_is_never_evaluated(value):
    values = {"input": {"x": value}, "steps": {}}

    assert compile_value({"k": "=input.x"}, NAMES).evaluate(values) == {"k": value}


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("= foo", "expression_unknown_name", 1, 3),
        ("a {{ input.n", "template_syntax", 1, 3),
        ("a\n b {{ foo }}", "expression_unknown_name", 2, 7),
        ("{{ }}", "expression_syntax", 1, 3),
        ("{{ 'open }}", "template_syntax", 1, 1),
    ],
)
def test_problems_name_the_place_in_the_text(text, code, line, column):
    with pytest.raises(ExpressionProblem) as caught:
        compile_value(text, NAMES)

    assert (caught.value.code, caught.value.line, caught.value.column) == (code, line, column)


def test_expressions_are_found_with_their_pointers():
    value = {"a/b": ["x", "=input.n"], "c": "{{ input.n }}", "d": "==no"}

    assert list(expressions(value)) == [("/a~1b/1", "=input.n"), ("/c", "{{ input.n }}")]


class Inner(BaseModel):
    when: ConditionText
    value: Any = None


class Sample(BaseModel):
    tool: Fixed
    arguments: dict[str, Any]
    where: Annotated[str, Condition(more=("event",))] | None = None
    schema_: SchemaDocument | None = None
    inner: list[Inner] = []


class SampleKind(Kind):
    name = "sample"
    primitive = "pure"
    settings = Sample


SETTINGS = {
    "tool": "=not evaluated",
    "arguments": {"a": "=input.n", "b": "{{ input.name }}"},
    "where": "event.x == steps.e.output",
    "schema_": {"default": "=input.n"},
    "inner": [{"when": "steps.w.state == 'x'", "value": "=input.n"}],
}


def test_render_evaluates_values_and_leaves_marked_fields():
    result = render(SETTINGS, Sample, VALUES)

    assert result == {
        **SETTINGS,
        "arguments": {"a": 2, "b": "Ann"},
        "inner": [{"when": "steps.w.state == 'x'", "value": 2}],
    }


def test_the_steps_that_a_step_names_are_found_everywhere_in_it():
    step = {
        "id": "s",
        "kind": "sample",
        "with": {**SETTINGS, "arguments": {"a": "=steps.a.output"}},
        "when": "steps.b.state == 'succeeded'",
        "approval": {"when": "steps.c.output.n > 1.0", "summary": "{{ steps.d.output }}"},
        "undo": {"tool": "t", "arguments": {"x": "=steps.f.output.id + output.id"}},
        "risk": "steps.g.output.level",
        "until": [
            {"port": "p", "event": "e", "key": "=steps.h.output", "where": "steps.i.state == ''"}
        ],
        "guardrails": [{"check": "rule", "when": "steps.j.output.bad"}],
    }

    assert expression_refs(step, SampleKind()) == frozenset("ewabcdfghij")


def test_what_does_not_compile_names_nothing():
    assert expression_refs({"id": "s", "when": "steps. +"}, SampleKind()) == frozenset()
