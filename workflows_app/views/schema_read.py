"""What was written into a form drawn from a JSON Schema, as the value that the schema means."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.views.looks import humanise
from workflows_app.views.schema_form import (
    MISSING,
    ORDER,
    PREFIX,
    kind_of,
    pointer_escape,
    resolve,
)
from workflows_app.views.schema_words import FORMAT_WORDS, TYPE_WORDS

JSON = Any
_WHOLE = re.compile(r"[+-]?\d{1,300}")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")
_ZONELESS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")


def form_read(schema: JSON, posted: Mapping[str, str]) -> tuple[JSON, list[dict[str, str]]]:
    """Give the value that a form's fields hold, and what could not be read."""
    reader = Reader(schema, posted)
    return reader.value, reader.problems


class Reader:
    """Reads a form once: the value, what could not be read, and where each field's value went.

    Rows that were moved, taken away or left empty change the places of the others, so a field
    named `/lines/4/sku` may be what the value holds at `/lines/1/sku`: `places` says so. Problems
    name places of the value.

    Args:
        posted: texts by name; one with `getlist` also tells in which order rows stand.
    """

    def __init__(self, schema: JSON, posted: Mapping[str, str]) -> None:
        self.root = schema if isinstance(schema, dict) else {}
        self.posted = posted
        self.problems: list[dict[str, str]] = []
        self.places: dict[str, str] = {}
        value = self._read(self.root, "", "", True, 0)
        self.value: JSON = {} if value is MISSING else value

    def _read(self, schema: JSON, field: str, pointer: str, required: bool, depth: int) -> JSON:
        self.places[field] = pointer
        known = resolve(schema, self.root)
        title = humanise(pointer.rpartition("/")[2])
        kind = kind_of({"title": title, **known}, depth)
        if kind == "object":
            return self._object(known, field, pointer, required, depth)
        if kind == "array":
            return self._array(known, field, pointer, required, depth)
        text = self.posted.get(PREFIX + field)
        if kind == "boolean":
            present = self.posted.get(f"{PREFIX}{field}#")
            return text is not None if present or text is not None else MISSING
        if text is None or text == "":
            return MISSING  # who wants an empty text writes it as JSON
        try:
            return _scalar(kind, known, text)
        except (ValueError, JsonRefused) as error:
            message = getattr(error, "message", None) or str(error)
            self.problems.append({"pointer": pointer, "code": "unreadable", "message": message})
            return text

    def _object(
        self, schema: dict[str, JSON], field: str, pointer: str, required: bool, depth: int
    ) -> JSON:
        names = schema.get("required", [])
        value = {}
        for name, inner in schema["properties"].items():
            part = pointer_escape(name)
            one = self._read(
                inner, f"{field}/{part}", f"{pointer}/{part}", name in names, depth + 1
            )
            if one is not MISSING:
                value[name] = one
        return value if value or required else MISSING

    def _array(
        self, schema: dict[str, JSON], field: str, pointer: str, required: bool, depth: int
    ) -> JSON:
        found: list[JSON] = []
        for row in self._rows(field):
            place = f"{pointer}/{len(found)}"
            one = self._read(schema["items"], f"{field}/{row}", place, True, depth + 1)
            if one is not MISSING:
                found.append(one)
            else:
                self._forget(f"{field}/{row}")
        return found if found or required else MISSING

    def _forget(self, field: str) -> None:
        """A row that holds nothing has no place in the value."""
        for name in [one for one in self.places if f"{one}/".startswith(f"{field}/")]:
            del self.places[name]

    def _rows(self, field: str) -> list[int]:
        """Give the numbers of the rows of a list, in the order in which they stand."""
        start = f"{PREFIX}{field}/"
        known = {
            int(part)
            for key in self.posted
            if key.startswith(start)
            and (part := key[len(start) :].partition("/")[0].rstrip("#")).isdecimal()
            and len(part) < 7
        }
        listed: list[str] = getattr(self.posted, "getlist", lambda _: [])(start + ORDER)
        told = [int(part) for one in listed if (part := one.rpartition("/")[2]).isdecimal()]
        order = {row: place for place, row in reversed(list(enumerate(told)))}
        return sorted(known, key=lambda row: (order.get(row, len(order)), row))


def _scalar(kind: str, schema: Mapping[str, JSON], text: str) -> JSON:
    if kind == "number":
        try:
            return _number(text.strip())
        except ValueError:
            is_whole = schema.get("type") == "integer"
            raise ValueError(TYPE_WORDS["integer" if is_whole else "number"]) from None
    if kind in {"choice", "json"}:
        return strict_loads(text)
    if kind == "datetime-local":
        return _moment(text.strip())
    if kind == "url" and not _ADDRESS.fullmatch(text.strip()):
        raise ValueError(FORMAT_WORDS["uri"])
    return text.replace("\r\n", "\n")


def _moment(text: str) -> str:
    """Give a date and time with its zone; what has none is in UTC, as the form says."""
    is_zoneless = bool(_ZONELESS.fullmatch(text))
    seconds = "" if len(text) > len("2026-01-05T09:00") else ":00"
    told = f"{text}{seconds}Z" if is_zoneless else text
    try:
        datetime.fromisoformat(told)
    except ValueError:
        raise ValueError(FORMAT_WORDS["date-time"]) from None
    return told


def _number(text: str) -> JSON:
    """Give the number that a text writes.

    Raises:
        ValueError: it writes none, or none that JSON has.
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    is_whole = number.is_integer() and abs(number) <= 2**53
    return int(number) if is_whole and "e" not in text.lower() else number
