"""A CSV file as inputs: read, matched to the schema's fields, turned into values."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import Invalid
from workflows_app.views.looks import humanise

JSON = Any
FILE_LIMIT = 10_000_000  # bytes
ROWS_LIMIT = 10_000
COLUMNS_LIMIT = 200
CELL_LIMIT = 100_000
PREVIEW = 8
TRUE = frozenset({"true", "yes", "1", "on", "y"})
FALSE = frozenset({"false", "no", "0", "off", "n"})


@dataclass(frozen=True, slots=True)
class Table:
    """A header and its rows, all text; `raw` travels with the form to the second step."""

    columns: list[str]
    rows: list[list[str]]
    raw: str
    lines: list[int]  # where each row begins in the file, from 1

    @property
    def preview(self) -> list[list[str]]:
        return self.rows[:PREVIEW]


@dataclass(frozen=True, slots=True)
class Match:
    """A field of the input and the column that fills it; no column leaves it out."""

    name: str
    label: str
    kind: str
    required: bool
    column: str


def table_of(request: HttpRequest) -> Table:
    """Read the uploaded file, or the text that the preview carried on.

    Raises:
        Invalid: no file, too large, not text, without rows, or of uneven rows.
    """
    upload = request.FILES.get("file")
    if upload is not None:
        if (upload.size or 0) > FILE_LIMIT:
            raise Invalid("The file is larger than 10 MB.")
        try:
            text = upload.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid("The file is not UTF-8 text; save it as CSV UTF-8.") from None
    else:
        text = request.POST.get("raw", "")
    if not text.strip():
        raise Invalid("Choose a CSV file with a header and at least one row.")
    return table_read(text)


def table_read(text: str) -> Table:
    """Read CSV text; the separator is found among comma, semicolon and tab.

    Raises:
        Invalid: it has no rows, too many, or rows that do not fit the header.
    """
    first = text.splitlines()[0]
    separator = max(",;\t", key=first.count)
    csv.field_size_limit(CELL_LIMIT)
    rows, lines, last = [], [], 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            if row:
                rows.append(row)
                lines.append(last + 1)
            last = reader.line_num
    except csv.Error as error:
        raise Invalid(f"The file cannot be read as CSV: {error}.") from None
    columns = [name.strip() for name in rows[0]] if rows else []
    if len(rows) < 2:
        raise Invalid("The file has a header but no rows.")
    if len(rows) - 1 > ROWS_LIMIT:
        raise Invalid(f"The file has more than {ROWS_LIMIT} rows.")
    if len(columns) > COLUMNS_LIMIT or len(set(columns)) != len(columns) or "" in columns:
        raise Invalid("Each column needs a name of its own, and there may be 200.")
    for number, row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(columns):
            raise Invalid(f"Line {number} has {len(row)} cells, and the header {len(columns)}.")
    return Table(columns, rows[1:], text, lines[1:])


def array_properties(schema: JSON) -> list[str]:
    """Give the fields of the input that hold a list, which rows could fill."""
    properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
    return [
        name
        for name, inner in properties.items()
        if isinstance(inner, dict) and inner.get("type") == "array"
    ]


@dataclass(frozen=True, slots=True)
class Plan:
    """Which column fills which field, and whether rows become runs or items of one run."""

    table: Table
    matches: list[Match]
    into: str  # the list that the rows fill; "" for a run for each row
    is_plain: bool  # items are no objects: one column is the item
    target: dict[str, JSON]  # the schema of what a row becomes

    @classmethod
    def of(cls, schema: JSON, table: Table, *, into: str, chosen: Mapping[str, str]) -> "Plan":
        """Match columns to fields by name, unless the form says otherwise."""
        target = _target(schema, into)
        properties = target.get("properties") if isinstance(target, dict) else None
        if not properties and into and target.get("type", "object") != "object":
            properties = {"item": target}
            is_plain = True
        else:
            is_plain = False
            properties = properties or {name: {} for name in table.columns}
        required = target.get("required", []) if isinstance(target, dict) else []
        matches = []
        for name, inner in properties.items():
            key = f"column:{name}"
            guess = _guess(name, table.columns) or (table.columns[0] if is_plain else "")
            column = chosen.get(key, guess)
            kind = inner.get("type", "") if isinstance(inner, dict) else ""
            kind = kind if isinstance(kind, str) else "string"
            column = column if column in table.columns else ""
            matches.append(Match(name, humanise(name), kind, name in required, column))
        return cls(table, matches, into, is_plain, target)

    def rows(self) -> tuple[list[JSON], list[tuple[int, str, str, str]]]:
        """Give what each row becomes, and (line, column, cell, message) of what cannot be read."""
        problems: list[tuple[int, str, str, str]] = []
        return [self._value(place, problems) for place in range(len(self.table.rows))], problems

    def _value(self, place: int, problems: list[tuple[int, str, str, str]]) -> JSON:
        cells = dict(zip(self.table.columns, self.table.rows[place], strict=True))
        value = {}
        for match in self.matches:
            text = cells.get(match.column, "") if match.column else ""
            if text == "":
                continue
            try:
                value[match.name] = cell(text, match.kind)
            except ValueError as error:
                problems.append((self.table.lines[place], match.column, text, str(error)))
        return value.get("item") if self.is_plain else value


def rest_of(schema: JSON, into: str) -> dict[str, JSON]:
    """Give the schema of what the form asks for beside the list that the rows fill."""
    root = schema if isinstance(schema, dict) else {}
    fields = {name: one for name, one in root.get("properties", {}).items() if name != into}
    needed = [name for name in root.get("required", []) if name != into]
    return {**root, "properties": fields, "required": needed}


def _target(schema: JSON, into: str) -> dict[str, JSON]:
    root = schema if isinstance(schema, dict) else {}
    if not into:
        return root
    items = root.get("properties", {}).get(into, {}).get("items")
    return items if isinstance(items, dict) else {}


def _guess(name: str, columns: list[str]) -> str:
    def plain(text: str) -> str:
        return "".join(one for one in text.lower() if one.isalnum())

    return next((one for one in columns if plain(one) == plain(name)), "")


def cell(text: str, kind: str) -> JSON:
    """Give a cell's value by the type of its field.

    Raises:
        ValueError: it does not read as that type; the message is for people.
    """
    plain = text.strip()
    if kind == "integer":
        try:
            return int(plain)
        except ValueError:
            raise ValueError(f"{plain[:40]!r} is no whole number") from None
    if kind == "number":
        try:
            number = float(plain)
        except ValueError:
            raise ValueError(f"{plain[:40]!r} is no number") from None
        if not math.isfinite(number):
            raise ValueError(f"{plain[:40]!r} is no number")
        return int(number) if number.is_integer() and abs(number) <= 2**53 else number
    if kind in ("array", "object"):
        try:
            return strict_loads(plain)
        except JsonRefused as error:
            raise ValueError(f"is no JSON: {error.message}") from None
    if kind == "boolean":
        if plain.lower() in TRUE:
            return True
        if plain.lower() in FALSE:
            return False
        raise ValueError(f"{plain[:40]!r} is neither yes nor no")
    return text
