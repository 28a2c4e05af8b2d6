import pytest

from workflows_app.agents.core.schemas import (
    closed_schema,
    schema_from_text,
    schema_is_sound,
    schema_problem,
    schema_to_text,
)

ORDER = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "minimum": 0}, "note": {"type": "string"}},
}


def test_a_value_that_follows_its_schema_has_no_problem():
    assert schema_problem({"amount": 3.5}, ORDER) is None


def test_a_problem_names_the_place_and_the_rule():
    assert schema_problem({"amount": -1}, ORDER) == "/amount: -1 is less than the minimum of 0"


@pytest.mark.parametrize("schema", [["string"], {"type": "strange"}, {"$ref": "http://x.test/a"}])
def test_an_unsound_schema_is_refused(schema):
    assert schema_is_sound(schema) is not None


def test_an_object_with_properties_can_be_enforced():
    assert closed_schema(ORDER) == {
        "type": "object",
        "properties": {"amount": {"type": "number"}, "note": {"type": "string"}},
        "required": ["amount"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": True},
        {"type": "array"},
        {"type": ["string", "null"]},
        {},
    ],
)
def test_a_schema_of_any_shape_is_left_to_the_prompt(schema):
    assert closed_schema(schema) is None


def test_a_schema_travels_in_the_system_text():
    assert schema_from_text("Be brief.\n\n" + schema_to_text(ORDER)) == ORDER
    assert schema_from_text("Be brief.") is None
