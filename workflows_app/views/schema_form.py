"""A form drawn from a JSON Schema, and the value that was written into it.

Fields are named by JSON pointers (`f:/order/amount`), so a problem's pointer finds its field.
What a form cannot show well (alternatives, free objects) is one field of JSON text.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflows_app.views.looks import humanise
from workflows_app.views.schema_words import NEEDED, limit_words, problem_words

JSON = Any
PREFIX = "f:"
ORDER = "@"  # of a list: the pointers of its rows, in the order in which they stand
LONG_TEXT = 200  # characters: a longer limit, or none at all with this hint, gets a larger field
LONG_NAMES = ("message", "text", "body", "document", "description", "content", "brief", "reply")
FORMATS = {"date": "date", "date-time": "datetime-local", "time": "time", "email": "email"}
FORMATS |= {"uri": "url", "uuid": "text"}
MISSING = object()
REQUIRED = re.compile(r"^'(?P<name>.+)' is a required property$")
DEPTH = 6
FEW = 4  # choices: so many are shown at once, as radios


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
        return "f" + re.sub(r"[^A-Za-z0-9_]", _id_part, self.pointer)

    def at(self, pointer: str) -> "Field | None":
        """Give the field with that pointer, here or within."""
        if self.pointer == pointer:
            return self
        return next((found for one in self.children if (found := one.at(pointer))), None)

    def marked(self, around: str = "") -> list[tuple[str, str, str]]:
        """Give (words, id, problem) of each field that something is wrong with, as they stand."""
        here = " › ".join(one for one in (around, self.label if self.pointer else "") if one)
        own = [(here, self.html_id, self.errors[0])] if self.errors and self.pointer else []
        return [*own, *(one for child in self.children for one in child.marked(here))]

    @property
    def is_few(self) -> bool:
        """Whether the choices are shown as radios."""
        return self.kind == "choice" and len(self.choices) <= FEW

    @property
    def is_chosen(self) -> bool:
        return any(chosen for _, _, chosen in self.choices)

    @property
    def shown(self) -> str:
        """Give the value as the text of the field."""
        if self.value is MISSING or self.value is None:
            return ""
        if self.kind == "datetime-local":
            return _local(self.value)
        if isinstance(self.value, str) and self.kind != "json":
            return self.value
        return json.dumps(self.value, ensure_ascii=False, indent=2 if self.kind == "json" else None)

    @property
    def is_checked(self) -> bool:
        return self.value is True or self.value == "on"

    @property
    def choices(self) -> list[tuple[str, str, bool]]:
        """Give (sent text, shown text, whether chosen) of a choice."""
        return [
            (json.dumps(one), word, self.value is not MISSING and self.value == one)
            for one, word in choices_of(self.schema)
        ]

    @property
    def limits(self) -> str:
        """Say in words what else the schema asks of the value."""
        return limit_words(self.schema)

    @property
    def input_type(self) -> str:
        return self.kind if self.kind in FORMATS.values() else "text"


def _id_part(found: re.Match[str]) -> str:
    return "-" if found[0] == "/" else f"-{ord(found[0]):x}"


def choices_of(schema: dict[str, JSON]) -> list[tuple[JSON, str]]:
    """Give the values of an enumeration with their titles; none if it is no enumeration."""
    if isinstance(schema.get("enum"), list):
        return [(one, _word(one)) for one in schema["enum"]]
    if "const" in schema:
        return [(schema["const"], str(schema.get("title") or _word(schema["const"])))]
    options = schema.get("oneOf") or schema.get("anyOf")
    if isinstance(options, list) and all(
        isinstance(one, dict) and "const" in one for one in options
    ):
        return [(one["const"], str(one.get("title") or _word(one["const"]))) for one in options]
    return []


def _local(value: JSON) -> str:
    """Give a date and time as the native input wants it: in UTC, without a zone."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    at = at.astimezone(UTC) if at.tzinfo is not None else at
    return at.replace(tzinfo=None).isoformat(timespec="minutes" if not at.second else "seconds")


def _word(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def form_build(
    schema: JSON, value: JSON = MISSING, problems: Sequence[dict[str, Any]] = ()
) -> Field:
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
        field, rest = _nearest(fields, form, pointer)
        if message == NEEDED:
            words = NEEDED if field.kind != "array" else "Add at least one entry."
        else:
            words = message if rest else problem_words(problem, field.schema, field.value)
        said = f"{rest.strip('/')}: {words}" if rest else words
        if said not in field.errors:
            field.errors.append(said)
    return form


def _where(problem: dict[str, Any]) -> tuple[str, str]:
    pointer, message = problem.get("pointer") or "", str(problem.get("message", ""))
    found = REQUIRED.match(message)
    if found:
        return f"{pointer}/{pointer_escape(found['name'])}", NEEDED
    return pointer, message


def _nearest(fields: dict[str, Field], form: Field, pointer: str) -> tuple[Field, str]:
    """Give the field of a pointer, or the nearest one around it with the rest of the pointer."""
    at = pointer
    while at and at not in fields:
        at = at.rpartition("/")[0]
    return fields.get(at, form), pointer[len(at) :]


def _walk(form: Field) -> list[Field]:
    return [form, *(one for child in form.children for one in _walk(child))]


def pointer_escape(name: str) -> str:
    """Write a name as one part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def resolve(schema: JSON, root: dict[str, JSON]) -> dict[str, JSON]:
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
            return resolve({**options[0], **rest}, root)
    return schema


def kind_of(schema: dict[str, JSON], depth: int) -> str:
    """Give the kind of field that shows a schema."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((one for one in kinds if one != "null"), None)
    if choices_of(schema):
        return "choice"
    if depth > DEPTH or _has_other_shapes(schema):
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


def _has_other_shapes(schema: dict[str, JSON]) -> bool:
    """Say whether alternatives tell of more than which of the known fields are needed."""
    options = [one for name in ("anyOf", "oneOf", "allOf") for one in schema.get(name, [])]
    return any(not isinstance(one, dict) or set(one) - {"required"} for one in options)


def _text_kind(schema: dict[str, JSON]) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    is_long = schema.get("maxLength", 0) > LONG_TEXT or "contentMediaType" in schema
    title = str(schema.get("title", "")).lower()
    return "long" if is_long or any(name in title for name in LONG_NAMES) else "text"


def _field(
    schema: JSON,
    root: dict[str, JSON],
    pointer: str,
    label: str,
    required: bool,
    value: JSON,
    depth: int,
) -> Field:
    known = resolve(schema, root)
    if value is MISSING and "default" in known:
        value = known["default"]
    found = Field(
        pointer=pointer,
        kind=kind_of({"title": label, **known}, depth),
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
            f"{pointer}/{pointer_escape(name)}",
            humanise(name),
            name in required,
            given.get(name, MISSING),
            depth + 1,
        )
        for name, inner in schema["properties"].items()
    ]
