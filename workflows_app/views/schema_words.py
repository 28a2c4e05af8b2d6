"""What a JSON Schema asks of a value, and what is wrong with one, in words beside a field."""

from collections.abc import Mapping
from typing import Any

JSON = Any
LIMITS = (
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "in steps of {}"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minItems", "at least {} entries"),
    ("maxItems", "at most {} entries"),
    ("pattern", "as {}"),
)
FORMAT_WORDS = {
    "email": "Write an address such as name@example.com.",
    "date": "Write a date such as 2026-01-31.",
    "date-time": "Write a date and a time such as 2026-01-31T09:00:00Z.",
    "time": "Write a time such as 09:30:00Z.",
    "uri": "Write an address such as https://example.com/page.",
    "uuid": "Write a UUID such as 6f2c1b7e-3f0a-4a57-9f0e-0d6c2a1b3c4d.",
}
TYPE_WORDS = {
    "string": "Write a text.",
    "number": "Write a number.",
    "integer": "Write a whole number.",
    "boolean": "Choose yes or no.",
    "array": "Give a list.",
    "object": "Give an object.",
    "null": "Leave it empty.",
}
NEEDED = "Needed"


def limit_words(schema: Mapping[str, JSON]) -> str:
    """Say in words which numbers, lengths and patterns a schema takes."""
    words = [
        _said(text, schema[name])
        for name, text in LIMITS
        if isinstance(schema.get(name), int | float | str)
        and not isinstance(schema[name], bool)
        and (name, schema[name]) != ("minLength", 1)
    ]
    if schema.get("format") == "date-time":
        words.append("UTC")
    return ", ".join(words)


def problem_words(problem: Mapping[str, JSON], schema: Mapping[str, JSON], value: JSON) -> str:
    """Say what is wrong with the value of one field, by the rule of its schema that it breaks.

    Args:
        problem: `{code, message}`; a rule of the schema is `schema_RULE`.
    """
    code, message = str(problem.get("code", "")), str(problem.get("message", ""))
    rule = code.removeprefix("schema_") if code.startswith("schema_") else ""
    if rule in ("minLength", "minItems") and not value:
        return NEEDED if rule == "minLength" else _entries(schema.get("minItems"))
    limit = dict(LIMITS).get(rule)
    if limit is not None and rule in schema:
        return f"Give {_said(limit, schema[rule])}." if rule != "pattern" else _pattern(schema)
    if rule == "format":
        return FORMAT_WORDS.get(str(schema.get("format")), message)
    if rule == "type":
        return _type(schema.get("type")) or message
    if rule in ("enum", "const"):
        return "Choose one of what is offered."
    if rule == "uniqueItems":
        return "No entry may stand here twice."
    return message


def _said(text: str, limit: JSON) -> str:
    said = text.format(limit)
    return said.replace(" 1 entries", " one entry").replace(" 1 characters", " one character")


def _entries(count: JSON) -> str:
    return "Add at least one entry." if count in (1, None) else f"Add at least {count} entries."


def _pattern(schema: Mapping[str, JSON]) -> str:
    return f"Write it as {schema['pattern']} says."


def _type(kinds: JSON) -> str:
    known = [kinds] if isinstance(kinds, str) else kinds if isinstance(kinds, list) else []
    return next((TYPE_WORDS[kind] for kind in known if kind in TYPE_WORDS and kind != "null"), "")
