"""A form shows what the definition holds; sending it untouched changes nothing."""

import json

import pytest
from django.template.loader import render_to_string

from tests.builder.definitions import every_kind
from tests.builder.pages import forms_of
from workflows_app.builder.forms.nodes import Drawing, Offers
from workflows_app.builder.forms.reading import value_of
from workflows_app.builder.forms.sections import (
    step_sections,
    triggers_told,
    workflow_sections,
)
from workflows_app.builder.forms.sent import Sent
from workflows_app.builder.locate import keys_of, value_at
from workflows_app.core.definition.changes import ABSENT, same_or_absent
from workflows_app.gallery.catalog import samples

FULL = {
    "id": "full",
    "kind": "transform",
    "name": "<b>Full</b>",
    "description": "Two\nlines",
    "with": {"value": {"a": ["=input.x", 1, None, True], "b": "5"}},
    "when": 'input.amount > 5.0 && input.kind == "a"',
    "join": {"quorum": 2},
    "rest": "leave",
    "retry": {"attempts": 5, "initial": "2s", "factor": 1.5, "jitter": False},
    "timeout": "30s",
    "optional": True,
    "approval": {
        "when": "proposal.arguments.amount > 1.0",
        "summary": "Pay?",
        "assignees": ["group:a", "=input.boss"],
        "need": "all",
        "deadline": "2h",
        "on_timeout": "escalate",
        "ladder": [{"after": "1h", "assignees": ["user:x"]}],
        "decisions": ["approve", "reject"],
        "form": {"type": "object", "properties": {"why": {"type": "string"}}, "required": ["why"]},
        "risk": "=input.risk",
        "confidence": 0.5,
        "impact": ["one", "two"],
        "alternatives": [{"summary": "s", "why": "w", "confidence": 0.1}],
        "links": [{"label": "l", "url": "https://example.com"}],
    },
    "review": {"assignees": "=input.people", "mode": "parallel", "rework": 2},
    "guardrails": [
        {"check": "budget", "usd": 2.5, "per": "day", "on_trip": "hold", "at": "before"},
        {"check": "personal_data", "kinds": ["email", "iban"], "on_trip": "redact"},
        {"check": "patterns", "deny": ["a+", "b"]},
        {"check": "rule", "when": "output.x > 1.0"},
    ],
    "undo": {"tool": "reverse", "arguments": {"id": "=output.id", "note": ""}},
    "effect": "reversible",
    "idempotent": False,
    "cache": {"for": "2h"},
    "risk": "high",
    "exclusive": "ledger",
    "until": [
        {"port": "late", "after": "2h"},
        {"port": "told", "event": "x.y", "key": "=input.id", "where": "event.data.ok"},
    ],
}
WORKFLOW = {
    "format": 1,
    "name": "All",
    "description": "What it does",
    "input": {"type": "object", "properties": {"a": {"type": "number", "minimum": 3}}},
    "output": {"x": "=steps.full.output"},
    "limits": {"timeout": "2h", "budget_usd": 1.5, "step_runs": 10, "depth": 2},
    "on_failure": "compensate",
    "triggers": [
        {"event": "a.*", "where": "event.data.x > 0.0", "input": {"a": "=event.data.a"}},
        {"schedule": "0 9 * * *", "zone": "Europe/Berlin", "input": {"a": 1}},
        {"webhook": "shop"},
    ],
    "guardrails": [{"check": "time", "maximum": "1h", "mode": "observe"}],
    "steps": [FULL],
}


def steps_in(value):
    if isinstance(value, dict):
        if isinstance(value.get("kind"), str) and isinstance(value.get("with", {}), dict):
            yield value
        for item in value.values():
            yield from steps_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_in(item)


def sent_untouched(sections, holder, told=lambda pointer, value: value):
    """Give (pointer, value, value after sending the form untouched) of each field."""
    drawing = Drawing(Offers(tools={"reverse": {"properties": {"id": {"type": "string"}}}}))
    for section in sections:
        for pointer, shape in section.fields:
            value = told(pointer, value_at(holder, keys_of(pointer)))
            field = {"pointer": pointer, "node": drawing.node(shape, value, pointer), "was": ""}
            html = render_to_string("builder/_field.html", {"field": field, "address": "/x/"})
            (form,) = forms_of(html)
            data = form.data()
            assert data["field"] == pointer
            yield pointer, value, value_of(shape, Sent(data), "v", value)


def check(sections, holder, told=lambda pointer, value: value):
    for pointer, value, after in sent_untouched(sections, holder, told):
        assert same_or_absent(value, after) or is_same_default(value, after), (
            pointer,
            value,
            after,
        )


def is_same_default(value, after):
    """A switch that says what holds anyway, or an empty list, may be left out."""
    return after is ABSENT and value in (False, [], {}, "", None)


def test_a_step_with_every_attribute_comes_back():
    check(step_sections(FULL), FULL)


def test_the_workflow_itself_comes_back():
    def told(pointer, value):
        return triggers_told(value) if pointer == "/triggers" else value

    check(workflow_sections(), WORKFLOW, told)


@pytest.mark.parametrize("step", every_kind()["steps"], ids=lambda step: step["kind"])
def test_a_new_step_of_each_kind_comes_back(step):
    check(step_sections(step), step)


@pytest.mark.parametrize("entry", samples(), ids=lambda entry: entry.slug)
def test_every_step_of_the_gallery_comes_back(entry):
    definition = json.loads(json.dumps(entry.definition))

    check(workflow_sections(), definition, lambda pointer, value: triggers_told(value)
          if pointer == "/triggers" else value)  # fmt: skip
    for step in steps_in(definition):
        check(step_sections(step), step)


ODD = [
    {"type": "string", "enum": ["a, b", "c"]},
    {"type": "string", "enum": ["5", "a"], "default": "5"},
    {"type": "number", "enum": [1, 2.5], "default": 0},
    {"type": "number", "default": "many"},
    {"type": "boolean", "default": False},
    {"type": "string", "default": " kept "},
    {"type": "string", "format": "hostname", "title": "", "description": " x"},
    {"type": "array"},
    {"type": "array", "items": {}},
    {"type": "array", "items": {"enum": [1, 2]}},
    {"type": "array", "items": {"type": "string", "minLength": 2}, "minItems": 1},
    {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
    {"type": "array", "items": {"type": "object", "required": []}},
    {"type": "array", "items": {"type": "object", "properties": {"a": {"oneOf": [{}, {}]}}}},
    {"type": "object"},
    {"type": "object", "additionalProperties": {"type": "string"}},
    {
        "type": "object",
        "properties": {"a": {"type": "object", "properties": {"b": {"type": "null"}}}},
    },
    {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}, "y": {}}},
]


@pytest.mark.parametrize("field", ODD)
def test_a_schema_comes_back_whatever_its_fields_say(field):
    schema = {"type": "object", "properties": {"plain": {"type": "string"}, "odd": field}}
    found = [
        after
        for pointer, value, after in sent_untouched(workflow_sections(), {"input": schema})
        if pointer == "/input"
    ]

    assert found == [schema]
