"""JSON Schemas: checking values, and telling a model what is wanted."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

JSON = Any
_BEFORE = "Answer with one JSON value that follows this JSON Schema, and with nothing else:\n"
# What the structured answers of the API understand; the rest is left to the check afterwards.
_KEPT = frozenset({"type", "enum", "const", "description", "title", "$ref"})
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)


@lru_cache(maxsize=512)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def schema_problem(value: JSON, schema: JSON) -> str | None:
    """Give the one most telling way in which `value` breaks `schema`, or None.

    References to other documents are never followed.
    """
    error = best_match(_validator(json.dumps(schema, sort_keys=True)).iter_errors(value))
    if error is None:
        return None
    pointer = "".join(f"/{part}" for part in error.absolute_path)
    return f"{pointer or 'the value'}: {error.message[:300]}"


def schema_is_sound(schema: JSON) -> str | None:
    """Give what is wrong with a schema itself, or None."""
    if not isinstance(schema, dict):
        return "a JSON Schema is an object"
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message[:300]
    return _foreign_reference(schema)


def _foreign_reference(schema: JSON) -> str | None:
    if isinstance(schema, list):
        return next((found for item in schema if (found := _foreign_reference(item))), None)
    if not isinstance(schema, dict):
        return None
    reference = schema.get("$ref")
    if isinstance(reference, str) and not reference.startswith("#"):
        return f"$ref may only point into the schema itself, not to {reference}"
    return next((found for item in schema.values() if (found := _foreign_reference(item))), None)


def schema_to_text(schema: Mapping[str, JSON]) -> str:
    """Give the sentence that asks a model for an answer by a schema."""
    return _BEFORE + json.dumps(schema, ensure_ascii=False)


def schema_from_text(text: str) -> JSON | None:
    """Give the schema that `schema_to_text` put at the end of a text, or None."""
    _, found, tail = text.partition(_BEFORE)
    return json.loads(tail) if found else None


def closed_schema(schema: Mapping[str, JSON]) -> dict[str, JSON] | None:
    """Give the schema in the subset that the API can enforce while the model writes.

    There every object lists its properties and has no others. None where that would change
    the meaning, as with an object of any shape: then the prompt asks, and the check decides.
    """
    closed: dict[str, JSON] = {name: schema[name] for name in _KEPT if name in schema}
    if isinstance(schema.get("type"), list):
        return None
    if schema.get("format") in _FORMATS:
        closed["format"] = schema["format"]
    try:
        closed |= _closed_parts(schema)
    except _Open:
        return None
    is_said = any(name in closed for name in ("type", "enum", "const", "anyOf", "$ref"))
    return closed if is_said else None


class _Open(Exception):
    """Part of the schema takes values of any shape."""


def _closed_or_raise(schema: JSON) -> dict[str, JSON]:
    closed = closed_schema(schema) if isinstance(schema, dict) else None
    if closed is None:
        raise _Open
    return closed


def _closed_parts(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    parts: dict[str, JSON] = {}
    for name in ("allOf", "not", "if", "patternProperties", "prefixItems", "dependentSchemas"):
        if name in schema:
            raise _Open
    if "$defs" in schema:
        parts["$defs"] = {name: _closed_or_raise(part) for name, part in schema["$defs"].items()}
    if variants := schema.get("anyOf") or schema.get("oneOf"):
        parts["anyOf"] = [_closed_or_raise(variant) for variant in variants]
    if schema.get("type") == "object":
        parts |= _closed_object(schema)
    if schema.get("type") == "array":
        parts["items"] = _closed_or_raise(schema.get("items"))
    return parts


def _closed_object(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    properties = schema.get("properties")
    if not properties or schema.get("additionalProperties") not in (None, False):
        raise _Open
    return {
        "properties": {name: _closed_or_raise(part) for name, part in properties.items()},
        "required": list(schema.get("required") or ()),
        "additionalProperties": False,
    }
