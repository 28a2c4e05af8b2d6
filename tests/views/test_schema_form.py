"""Forms drawn from a schema: what is written comes back as the value that the schema means."""

import pytest

from workflows_app.views.schema_form import PREFIX, form_build
from workflows_app.views.schema_read import form_read

SCHEMA = {
    "type": "object",
    "required": ["message", "amount"],
    "properties": {
        "message": {"type": "string"},
        "amount": {"type": "number"},
        "count": {"type": "integer"},
        "urgent": {"type": "boolean"},
        "level": {"enum": ["low", "high", 3]},
        "when": {"type": "string", "format": "date"},
        "customer": {"type": "object", "properties": {"name": {"type": "string"}}},
        "orders": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"type": "string"}}},
        },
        "tags": {"type": "array", "items": {"type": "string"}},
        "free": {},
        "a/b~c": {"type": "string"},
    },
}


def posted(**fields):
    return {PREFIX + name: value for name, value in fields.items()}


def test_each_type_is_read_as_itself():
    sent = {
        "f:/message": "Hello\r\nthere",
        "f:/amount": "12.5",
        "f:/count": "3",
        "f:/urgent#": "1",
        "f:/urgent": "on",
        "f:/level": "3",
        "f:/when": "2026-01-05",
        "f:/customer/name": "Ada",
        "f:/orders/0/id": "A",
        "f:/orders/4/id": "B",
        "f:/tags/0": "x",
        "f:/free": '{"any": [1, null]}',
        "f:/a~1b~0c": "odd",
    }

    value, problems = form_read(SCHEMA, sent)

    assert problems == []
    assert value == {
        "message": "Hello\nthere",
        "amount": 12.5,
        "count": 3,
        "urgent": True,
        "level": 3,
        "when": "2026-01-05",
        "customer": {"name": "Ada"},
        "orders": [{"id": "A"}, {"id": "B"}],
        "tags": ["x"],
        "free": {"any": [1, None]},
        "a/b~c": "odd",
    }


def test_empty_optional_fields_are_left_out_and_an_unticked_box_is_false():
    value, problems = form_read(
        SCHEMA, {"f:/message": "Hi", "f:/amount": "1", "f:/urgent#": "1", "f:/level": ""}
    )

    assert problems == []
    assert value == {"message": "Hi", "amount": 1, "urgent": False}


@pytest.mark.parametrize(("name", "text"), [("/amount", "many"), ("/free", "{not json")])
def test_what_cannot_be_read_names_its_field(name, text):
    _, problems = form_read(SCHEMA, {"f:/message": "Hi", f"f:{name}": text})

    assert [problem["pointer"] for problem in problems] == [name]


@pytest.mark.parametrize(
    ("format", "text", "value", "said"),
    [
        ("date-time", "2026-01-05T09:00", "2026-01-05T09:00:00Z", ""),
        ("date-time", "2026-01-05T09:00:30", "2026-01-05T09:00:30Z", ""),
        ("date-time", "2026-01-05T09:00:00+01:00", "2026-01-05T09:00:00+01:00", ""),
        ("date-time", "tomorrow", "tomorrow", "Write a date and a time"),
        ("uri", "https://example.com/a", "https://example.com/a", ""),
        ("uri", "example", "example", "Write an address such as https"),
    ],
)
def test_formats_that_the_schema_does_not_check_are_read_by_the_form(format, text, value, said):
    schema = {"type": "object", "properties": {"at": {"type": "string", "format": format}}}

    found, problems = form_read(schema, {"f:/at": text})

    assert found == {"at": value}
    assert [one["message"].startswith(said) for one in problems] == ([True] if said else [])


@pytest.mark.parametrize(
    ("text", "value"),
    [("7", 7), ("-3", -3), ("2.0", 2), ("1e3", 1000.0), ("9007199254740993", 9007199254740993)],
)
def test_a_number_is_read_to_its_last_digit(text, value):
    found, problems = form_read(SCHEMA, {"f:/message": "x", "f:/amount": text})

    assert (found["amount"], type(found["amount"]), problems) == (value, type(value), [])


def test_a_missing_field_is_marked_where_it_is():
    problem = {"pointer": "/customer", "message": "'name' is a required property"}
    form = form_build(SCHEMA, {"customer": {}}, [problem])

    customer = next(one for one in form.children if one.pointer == "/customer")
    assert customer.children[0].errors == ["Needed"]


def test_a_filled_form_reads_back_as_the_same_value():
    given = {
        "message": "x",
        "amount": 3,
        "level": "high",
        "orders": [{"id": "A"}, {"id": "B"}],
        "tags": ["q"],
        "free": [1, {"deep": True}],
    }

    value, _ = form_read(SCHEMA, sent_by(form_build(SCHEMA, given)))

    assert value == {**given, "urgent": False}


def sent_by(field):
    """Give what a browser would send of a form."""
    if field.kind in {"object", "array"}:
        return {key: one for child in field.children for key, one in sent_by(child).items()}
    if field.kind == "boolean":
        return {f"{field.name}#": "1", **({field.name: "on"} if field.is_checked else {})}
    if field.kind == "choice":
        return {field.name: next((sent for sent, _, chosen in field.choices if chosen), "")}
    return {field.name: field.shown}


def test_references_and_nullable_alternatives_are_followed():
    schema = {
        "type": "object",
        "properties": {
            "who": {"anyOf": [{"$ref": "#/$defs/who"}, {"type": "null"}]},
            "loop": {"$ref": "#/$defs/loop"},
        },
        "$defs": {
            "who": {"type": "object", "properties": {"name": {"type": "string"}}},
            "loop": {"$ref": "#/$defs/loop"},
        },
    }

    form = form_build(schema)

    assert [one.kind for one in form.children] == ["object", "json"]


@pytest.mark.parametrize("schema", [None, {}, [], "x", {"properties": 3}, {"type": "object"}])
def test_a_schema_that_says_nothing_gives_a_field_of_json(schema):
    assert form_build(schema).kind == "json"


def test_alternatives_that_only_say_what_is_needed_leave_the_form_drawn():
    schema = {
        "type": "object",
        "anyOf": [{"required": ["many"]}, {"required": ["one"]}],
        "properties": {
            "many": {"type": "array", "items": {"type": "string"}},
            "one": {"type": "string"},
        },
    }

    assert form_build(schema).kind == "object"
    assert form_build({"anyOf": [{"type": "string"}, {"type": "object"}]}).kind == "json"
