"""What was written into a form drawn from a JSON Schema, as the value that the schema means."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.views.looks import humanise
from workflows_app.views.schema_form import MISSING, PREFIX, kind_of, pointer_escape, resolve

JSON = Any


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
    known = resolve(schema, root)
    title = humanise(pointer.rpartition("/")[2])
    kind = kind_of({"title": title, **known}, depth)
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
            inner,
            root,
            f"{pointer}/{pointer_escape(name)}",
            posted,
            problems,
            name in names,
            depth + 1,
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
