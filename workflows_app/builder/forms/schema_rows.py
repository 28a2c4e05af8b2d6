"""A JSON Schema as rows of fields, objects and lists of objects within, as far as rows say it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.builder.forms.sent import Sent
from workflows_app.builder.forms.texts import TextRefused, scalar_read
from workflows_app.core.definition.changes import ABSENT

JSON = Any
TYPES = ("string", "number", "integer", "boolean", "array", "object")
FORMATS = ("date", "date-time", "time", "email", "uri", "uuid")
DEPTH = 6
_OUTER = {"type", "properties", "required", "additionalProperties", "examples", "title"} | {
    "description", "$schema",
}  # fmt: skip
_TEXTS = ("title", "description")
_NUMBERS = ("number", "integer")


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRow:
    """One field of an object; `inner` are its own fields, or those of each item of a list."""

    name: str
    type: str = "string"
    is_required: bool = False
    title: str = ""
    description: str = ""
    choices: str = ""
    format: str = ""
    default: str = ""
    of: str = ""  # the type of each item of a list
    inner: tuple["SchemaRow", ...] | None = None
    more: str = ""  # what it says besides; that stays as it is


def schema_rows(schema: JSON) -> list[SchemaRow] | None:
    """Give the fields of a schema of an object; None where it is no such schema."""
    if schema in (ABSENT, None, {}):
        return []
    if not isinstance(schema, Mapping) or set(schema) - _OUTER:
        return None
    return _rows(schema, DEPTH) if schema.get("type", "object") == "object" else None


def _rows(schema: Mapping[str, JSON], depth: int) -> list[SchemaRow] | None:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list) or not depth:
        return None
    rows = []
    for name, field in properties.items():
        if not isinstance(field, Mapping) or field.get("type", "string") not in TYPES:
            return None
        rows.append(_row(name, field, name in required, depth))
    return rows


def _row(name: str, field: Mapping[str, JSON], is_required: bool, depth: int) -> SchemaRow:
    items = field.get("items")
    of = str(items.get("type", "")) if isinstance(items, Mapping) else ""
    held = _holder(field)
    inner = _rows(held, depth - 1) if held is not None else None
    shown = _shown(field)
    return SchemaRow(
        name=name,
        type=field.get("type", ""),
        is_required=is_required,
        title=str(field["title"]) if "title" in shown else "",
        description=str(field["description"]) if "description" in shown else "",
        choices=", ".join(map(str, field["enum"])) if "enum" in shown else "",
        format=str(field["format"]) if "format" in shown else "",
        default=_written(field["default"]) if "default" in shown else "",
        of=of if of in TYPES else "",
        inner=None if inner is None else tuple(inner),
        more=", ".join(sorted(set(field) - shown - (_NESTED if inner is not None else _TYPED))),
    )


_TYPED = frozenset({"type"})
_NESTED = frozenset({"type", "items", "properties", "required"})


def _holder(field: Mapping[str, JSON]) -> Mapping[str, JSON] | None:
    """Give the object whose fields are shown within: the field itself, or each item of a list."""
    held = field.get("items") if field.get("type") == "array" else field
    return held if isinstance(held, Mapping) and held.get("type") == "object" else None


def _shown(field: Mapping[str, JSON]) -> frozenset[str]:
    """Give which of its words the inputs of a row show."""
    choices, kind = field.get("enum"), field.get("type", "string")
    found = {name for name in _TEXTS if _is_text(field.get(name))}
    if isinstance(choices, list) and choices and all(_is_choice(one, kind) for one in choices):
        found.add("enum")
    if field.get("format") in FORMATS and kind == "string":
        found.add("format")
    if _is_of(field.get("default"), kind):
        found.add("default")
    if isinstance(field.get("items"), Mapping) and set(field["items"]) == {"type"}:
        found |= {"items"} if field["items"]["type"] in TYPES else set()
    return frozenset(found)


def schema_read(sent: Sent, name: str, old: JSON) -> JSON:
    """Give the schema that the rows tell; what they do not show stays as it was.

    Raises:
        TextRefused: two fields have one name.
    """
    before = old if isinstance(old, Mapping) else {}
    found = _fields_read(sent, name, before)
    if not found.get("properties") and not before:
        return ABSENT
    return {"type": "object", **found}


def _fields_read(sent: Sent, name: str, before: Mapping[str, JSON]) -> dict[str, JSON]:
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
        at = sent.text(f"{place}/at")
        known = was.get(at) if isinstance(was, Mapping) and at else None
        properties[key] = _field_read(sent, place, known)
        if sent.text(f"{place}/required") == "on":
            required.append(key)
    found = {key: value for key, value in before.items() if key not in ("properties", "required")}
    if properties or "properties" in before:
        found["properties"] = properties
    is_said = required or before.get("required") == []
    return {**found, "required": required} if is_said else found


def _field_read(sent: Sent, place: str, old: Mapping[str, JSON] | None) -> dict[str, JSON]:
    known = old or {}
    kind = sent.text(f"{place}/type")
    if kind not in TYPES:
        kind = "" if old is not None and "type" not in old else "string"
    shown = _shown(known) | {"type"}
    field: dict[str, JSON] = {"type": kind} if kind else {}
    for name in _TEXTS:
        if text := sent.text(f"{place}/{name}").strip():
            field[name] = text
    field |= _values_read(sent, place, kind)
    kept = {key: value for key, value in known.items() if key not in shown and key not in _NESTED}
    return {**field, **kept, **_within_read(sent, place, kind, known)}


def _values_read(sent: Sent, place: str, kind: str) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    written = [one.strip() for one in sent.text(f"{place}/choices").split(",") if one.strip()]
    if written:
        found["enum"] = [scalar_read(one) if kind in _NUMBERS else one for one in written]
    if kind in ("string", "") and sent.text(f"{place}/format") in FORMATS:
        found["format"] = sent.text(f"{place}/format")
    if default := sent.text(f"{place}/default").strip():
        found["default"] = _default_read(default, kind)
    return found


def _default_read(text: str, kind: str) -> JSON:
    if kind in _NUMBERS:
        return scalar_read(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _within_read(sent: Sent, place: str, kind: str, known: Mapping[str, JSON]) -> dict[str, JSON]:
    """Read the fields inside an object, or the items of a list."""
    has_rows = f"{place}/in/n" in sent.data
    if kind == "object":
        held = known if known.get("type") == "object" else {}
        own = {key: held[key] for key in ("properties", "required") if key in held}
        return _fields_read(sent, f"{place}/in", own) if has_rows else own
    if kind != "array":
        return {}
    items = known.get("items") if known.get("type") == "array" else None
    of = sent.text(f"{place}/of")
    if f"{place}/of" not in sent.data or (items is not None and not isinstance(items, Mapping)):
        return {} if items is None else {"items": items}
    was = items if isinstance(items, Mapping) else {}
    if of not in TYPES:
        rest = {key: value for key, value in was.items() if key not in _NESTED}
        return {"items": rest} if rest or (was == {} and items is not None) else {}
    rest = {key: value for key, value in was.items() if key not in _NESTED or of == was.get("type")}
    made = {**rest, "type": of}
    return {
        "items": _fields_read(sent, f"{place}/in", made) if of == "object" and has_rows else made
    }


def _is_text(value: JSON) -> bool:
    return isinstance(value, str) and bool(value) and value == value.strip()


def _is_of(value: JSON, kind: str) -> bool:
    """Tell whether a value reads back from its input as it is."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, int | float):
        return kind in _NUMBERS
    return kind == "string" and _is_text(value)


def _is_choice(value: JSON, kind: str) -> bool:
    return not isinstance(value, bool) and _is_of(value, kind) and "," not in str(value)


def _written(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
