"""A JSON Schema as rows of fields, as long as it says no more than rows can."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.builder.forms.sent import Sent
from workflows_app.builder.forms.texts import TextRefused, scalar_read
from workflows_app.core.definition.changes import ABSENT

JSON = Any
TYPES = ("string", "number", "integer", "boolean", "array", "object")
_OUTER = {"type", "properties", "required", "additionalProperties", "examples", "title"} | {
    "description", "$schema",
}  # fmt: skip
_INNER = frozenset({"type", "description", "enum"})


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """One field of an object."""

    name: str
    type: str = "string"
    is_required: bool = False
    description: str = ""
    choices: str = ""
    more: str = ""  # what it says besides; that stays as it is


def schema_rows(schema: JSON) -> list[SchemaRow] | None:
    """Give the fields of a schema of an object; None where it is no such schema."""
    if schema in (ABSENT, None, {}):
        return []
    if not isinstance(schema, Mapping) or set(schema) - _OUTER:
        return None
    properties = schema.get("properties", {})
    if schema.get("type", "object") != "object" or not isinstance(properties, Mapping):
        return None
    required = schema.get("required", [])
    rows = []
    for name, field in properties.items():
        if not isinstance(field, Mapping) or field.get("type", "string") not in TYPES:
            return None
        choices = field.get("enum")
        is_shown = choices is None or all(isinstance(one, str | int | float) for one in choices)
        rows.append(
            SchemaRow(
                name=name,
                type=field.get("type", "string"),
                is_required=name in required if isinstance(required, list) else False,
                description=str(field.get("description", "")),
                choices=", ".join(map(str, choices)) if choices and is_shown else "",
                more=", ".join([*sorted(set(field) - _INNER), *([] if is_shown else ["enum"])]),
            )
        )
    return rows


def schema_read(sent: Sent, name: str, old: JSON) -> JSON:
    """Give the schema that the rows tell; what they do not show stays as it was.

    Raises:
        TextRefused: two fields have one name.
    """
    before = old if isinstance(old, Mapping) else {}
    was = before.get("properties", {})
    properties: dict[str, JSON] = {}
    required: list[str] = []
    for index in range(sent.count(name)):
        place = f"{name}/{index}"
        key = sent.text(f"{place}/key").strip()
        if not key or sent.act_on(name) == ("drop", index):
            continue
        if key in properties:
            raise TextRefused(f"There are two fields called {key}.")
        known = was.get(sent.text(f"{place}/at"), {}) if isinstance(was, Mapping) else {}
        properties[key] = _field(sent, place, known)
        if sent.text(f"{place}/required") == "on":
            required.append(key)
    if not properties and not before:
        return ABSENT
    found = {key: value for key, value in before.items() if key not in ("properties", "required")}
    found = {"type": "object", **found}
    if properties or "properties" in before:
        found["properties"] = properties
    is_said = required or before.get("required") == []
    return {**found, "required": required} if is_said else found


def _field(sent: Sent, place: str, known: Mapping[str, JSON]) -> dict[str, JSON]:
    kind = sent.text(f"{place}/type")
    found = {key: value for key, value in known.items() if key not in _INNER}
    field: dict[str, JSON] = {"type": kind if kind in TYPES else "string"}
    description = sent.text(f"{place}/description").strip()
    if description:
        field["description"] = description
    written = [one.strip() for one in sent.text(f"{place}/choices").split(",") if one.strip()]
    if written:
        is_number = field["type"] in ("number", "integer")
        field["enum"] = [scalar_read(one) if is_number else one for one in written]
    elif isinstance(known.get("enum"), list) and not _is_shown(known["enum"]):
        field["enum"] = known["enum"]
    return {**field, **found}


def _is_shown(choices: list[JSON]) -> bool:
    return all(isinstance(one, str | int | float) for one in choices)
