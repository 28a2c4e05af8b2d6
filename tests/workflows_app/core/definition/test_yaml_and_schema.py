"""Definitions as YAML, and their JSON Schema."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.workflows_app.core.definition.documents import SOUND, of, step, workflow
from tests.workflows_app.core.json_values import json_values, texts
from workflows_app.core.definition import (
    definition_from_yaml,
    definition_to_yaml,
    json_schema,
)
from workflows_app.core.kinds import kinds
from workflows_app.core.strict_json import JsonRefused


@given(st.dictionaries(texts, json_values, max_size=4))
def test_yaml_reads_back_what_it_wrote(document):
    assert definition_from_yaml(definition_to_yaml(document)) == document


@given(st.text(max_size=60))
def test_any_text_is_yaml_or_refused(text):
    document = {}
    with suppress(JsonRefused):
        document = definition_from_yaml(text)

    assert isinstance(document, dict)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &x 1\nb: *x", "yaml_alias"),
        ("a: &x 1", "yaml_alias"),
        ("a: 1\na: 2", "json_duplicate_key"),
        ("a: !!python/object:os.system x", "yaml_tag"),
        ("a: !!str 1", "yaml_tag"),
        ("a: [", "yaml_syntax"),
        ("- 1", "not_an_object"),
        ("a: 1\n---\nb: 2", "yaml_syntax"),
        ("1: 2", "json_type"),
        ("a: 99999999999999999999", "json_number"),
        ("a: " + "[" * 100 + "]" * 100, "json_too_deep"),
    ],
)
def test_what_json_cannot_say_is_refused(text, code):
    with pytest.raises(JsonRefused) as caught:
        definition_from_yaml(text)

    assert caught.value.code == code


def test_words_and_dates_stay_texts():
    text = "a: yes\nb: on\nc: 2026-01-05\nd: 0o17\ne: 1_000\nf: true\ng: ~\nh: 1e3\ni: .5"

    assert definition_from_yaml(text) == {
        "a": "yes",
        "b": "on",
        "c": "2026-01-05",
        "d": "0o17",
        "e": "1_000",
        "f": True,
        "g": None,
        "h": 1000.0,
        "i": ".5",
    }


def test_the_schema_is_one_and_knows_every_kind():
    schema = json_schema()

    Draft202012Validator.check_schema(schema)
    shown = {name for name, kind in kinds().items() if not kind.is_hidden}
    assert shown == {name.removeprefix("with_") for name in schema["$defs"] if name[:5] == "with_"}


def test_the_schema_takes_what_is_sound_and_refuses_unknown_fields():
    validator = Draft202012Validator(json_schema())

    assert list(validator.iter_errors(SOUND)) == []
    assert not validator.is_valid(workflow([step("a", foo=1)]))
    assert not validator.is_valid(workflow([of("loop", body={"steps": []})]))
