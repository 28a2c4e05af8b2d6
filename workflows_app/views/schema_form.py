"""A form drawn from a JSON Schema, and the value that was written into it.

Fields are named by JSON pointers (`f:/order/amount`), so a problem's pointer finds its field.
What a form cannot show well (alternatives, free objects) is one field of JSON text.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.views.looks import humanise

JSON = Any
PREFIX = "f:"
LONG_TEXT = 200  # characters: a longer limit, or none at all with this hint, gets a larger field
FORMATS = {"date": "date", "date-time": "datetime-local", "time": "time", "email": "email"}
FORMATS |= {"uri": "url", "uuid": "text"}
MISSING = object()
REQUIRED = re.compile(r"^'(?P<name>.+)' is a required property$")
DEPTH = 6


@dataclass
class Field:
    """One field or group of the form; `kind` picks how it is drawn.

    Kinds: text, long, number, boolean, choice, object, array, json, and the native input types.
    """

    pointer: str
    kind: str
    label: str
    schema: dict[str, JSON]
    hint: str = ""
    required: bool = False
    value: JSON = MISSING
    children: list["Field"] = field(default_factory=list)
    blank: "Field | None" = None  # of an array: the item that "Add" makes
    errors: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return PREFIX + self.pointer

    @property
    def html_id(self) -> str:
        return "f" + re.sub(r"[^A-Za-z0-9_]", "-", self.pointer)

    @property
    def first(self) -> "Field | None":
        """Give the blank item as the first one, for pages without scripts."""
        return None if self.blank is None else _renamed(self.blank, f"{self.pointer}/0")

    @property
    def shown(self) -> str:
        """Give the value as the text of the field."""
        if self.value is MISSING or self.value is None:
            return ""
        if isinstance(self.value, str) and self.kind != "json":
            return self.value
        return json.dumps(self.value, ensure_ascii=False, indent=2 if self.kind == "json" else None)

    @property
    def is_checked(self) -> bool:
        return self.value is True or self.value == "on"

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Give (sent text, shown text, whether chosen) of a choice."""
        entries = self.schema.get("enum", [])
        return [
            (json.dumps(one), _word(one), self.value is not MISSING and self.value == one)
            for one in entries
        ]

    @property
    def input_type(self) -> str:
        return self.kind if self.kind in FORMATS.values() else "text"


def _renamed(one: Field, pointer: str) -> Field:
    """Give a copy of a field that lives at another pointer, with all that is in it."""
    children = [
        _renamed(child, pointer + child.pointer.removeprefix(one.pointer)) for child in one.children
    ]
    label = "1" if one.label == "New" else one.label
    return replace(one, pointer=pointer, label=label, children=children)


def _word(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def form_build(schema: JSON, value: JSON = MISSING, problems: list[dict[str, Any]] = ()) -> Field:
    """Draw the form of a schema, filled with a value (or its defaults) and with problems.

    Args:
        problems: `{pointer, message, code}`; the rest of what does not belong to a field stays
            with the root.
    """
    root = schema if isinstance(schema, dict) else {}
    form = _field(root, root, "", "Input", True, value, 0)
    fields = {one.pointer: one for one in _walk(form)}
    for problem in problems:
        pointer, message = _where(problem)
        fields.get(pointer, form).errors.append(message)
    return form


def _where(problem: dict[str, Any]) -> tuple[str, str]:
    pointer, message = problem.get("pointer") or "", str(problem.get("message", ""))
    found = REQUIRED.match(message)
    if found:
        return f"{pointer}/{_escape(found['name'])}", "Needed"
    return pointer, message


def _walk(form: Field) -> list[Field]:
    return [form, *(one for child in form.children for one in _walk(child))]


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _resolve(schema: JSON, root: dict[str, JSON]) -> dict[str, JSON]:
    """Follow a reference inside the document; take `null` out of alternatives."""
    seen = 0
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and seen < 10:
        target: JSON = root
        for part in schema["$ref"].removeprefix("#").strip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            target = target.get(key, {}) if isinstance(target, dict) else {}
        schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
        seen += 1
    if not isinstance(schema, dict):
        return {}
    for name in ("anyOf", "oneOf"):
        options = [one for one in schema.get(name, []) if one != {"type": "null"}]
        if len(options) == 1:
            rest = {key: one for key, one in schema.items() if key != name}
            return _resolve({**options[0], **rest}, root)
    return schema


def _kind(schema: dict[str, JSON], depth: int) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((one for one in kinds if one != "null"), None)
    if "enum" in schema:
        return "choice"
    if depth > DEPTH or any(name in schema for name in ("anyOf", "oneOf", "allOf")):
        return "json"
    if kinds == "string":
        return _text_kind(schema)
    can_be_drawn = {
        "object": bool(schema.get("properties")),
        "array": isinstance(schema.get("items"), dict),
        "number": True,
        "integer": True,
        "boolean": True,
    }
    drawn = "number" if kinds == "integer" else str(kinds)
    return drawn if can_be_drawn.get(str(kinds)) else "json"


def _text_kind(schema: dict[str, JSON]) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    is_long = schema.get("maxLength", 0) > LONG_TEXT or "contentMediaType" in schema
    names = ("message", "text", "body", "document", "description", "email_text", "content", "brief")
    title = str(schema.get("title", "")).lower()
    return "long" if is_long or any(name in title for name in names) else "text"


def _field(
    schema: JSON,
    root: dict[str, JSON],
    pointer: str,
    label: str,
    required: bool,
    value: JSON,
    depth: int,
) -> Field:
    known = _resolve(schema, root)
    if value is MISSING and "default" in known:
        value = known["default"]
    found = Field(
        pointer=pointer,
        kind=_kind({"title": label, **known}, depth),
        label=str(known.get("title") or label),
        schema=known,
        hint=str(known.get("description", "")),
        required=required,
        value=value,
    )
    if found.kind == "object":
        found.children = _properties(known, root, pointer, value, depth)
    elif found.kind == "array":
        items = value if isinstance(value, list) else []
        found.children = [
            _field(known["items"], root, f"{pointer}/{place}", f"{place + 1}", True, one, depth + 1)
            for place, one in enumerate(items)
        ]
        found.blank = _field(
            known["items"], root, f"{pointer}/__index__", "New", True, MISSING, depth + 1
        )
    return found


def _properties(
    schema: dict[str, JSON], root: dict[str, JSON], pointer: str, value: JSON, depth: int
) -> list[Field]:
    required = schema.get("required", [])
    given = value if isinstance(value, dict) else {}
    return [
        _field(
            inner,
            root,
            f"{pointer}/{_escape(name)}",
            humanise(name),
            name in required,
            given.get(name, MISSING),
            depth + 1,
        )
        for name, inner in schema["properties"].items()
    ]


def form_read(schema: JSON, posted: Mapping[str, str]) -> tuple[JSON, list[dict[str, str]]]:
    """Give the value that a form's fields hold, and what could not be read."""
    root = schema if isinstance(schema, dict) else {}
    problems: list[dict[str, str]] = []
    value = _read(root, root, "", posted, problems, True, 0)
    return ({} if value is MISSING else value), problems


def _read(
    schema: JSON,
    root: dict[str, JSON],
    pointer: str,
    posted: Mapping[str, str],
    problems: list[dict[str, str]],
    required: bool,
    depth: int,
) -> JSON:
    known = _resolve(schema, root)
    title = humanise(pointer.rpartition("/")[2])
    kind = _kind({"title": title, **known}, depth)
    if kind == "object":
        return _read_object(known, root, pointer, posted, problems, required, depth)
    if kind == "array":
        return _read_array(known, root, pointer, posted, problems, required, depth)
    text = posted.get(PREFIX + pointer)
    if kind == "boolean":
        present = posted.get(f"{PREFIX}{pointer}#")
        return text is not None if present or text is not None else MISSING
    if text is None or text == "":
        is_wanted = required and kind in {"text", "long"} and text == ""
        return MISSING if not is_wanted or known.get("minLength", 0) > 0 else ""
    try:
        return _scalar(kind, known, text)
    except (ValueError, JsonRefused) as error:
        message = getattr(error, "message", None) or str(error)
        problems.append({"pointer": pointer, "code": "unreadable", "message": message})
        return text


def _scalar(kind: str, schema: dict[str, JSON], text: str) -> JSON:
    if kind == "number":
        try:
            number = float(text)
        except ValueError:
            raise ValueError("Write a number.") from None
        is_whole = number.is_integer() and abs(number) <= 2**53
        return int(number) if is_whole and "e" not in text.lower() else number
    if kind in {"choice", "json"}:
        return strict_loads(text)
    if kind == "datetime-local" and len(text) == 16:
        return f"{text}:00Z"
    return text.replace("\r\n", "\n")


def _read_object(
    schema: dict[str, JSON],
    root: dict[str, JSON],
    pointer: str,
    posted: Mapping[str, str],
    problems: list[dict[str, str]],
    required: bool,
    depth: int,
) -> JSON:
    names = schema.get("required", [])
    value = {}
    for name, inner in schema["properties"].items():
        one = _read(
            inner, root, f"{pointer}/{_escape(name)}", posted, problems, name in names, depth + 1
        )
        if one is not MISSING:
            value[name] = one
    return value if value or required else MISSING


def _read_array(
    schema: dict[str, JSON],
    root: dict[str, JSON],
    pointer: str,
    posted: Mapping[str, str],
    problems: list[dict[str, str]],
    required: bool,
    depth: int,
) -> JSON:
    start = f"{PREFIX}{pointer}/"
    indexes = {
        int(part)
        for key in posted
        if key.startswith(start)
        and (part := key[len(start) :].partition("/")[0].rstrip("#")).isdecimal()
        and len(part) < 7
    }
    items = [
        _read(schema["items"], root, f"{pointer}/{index}", posted, problems, True, depth + 1)
        for index in sorted(indexes)
    ]
    found = [one for one in items if one is not MISSING]
    return found if found or required else MISSING
