"""Inputs of runs from the command line: JSON, or the rows of a CSV file."""

import csv
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from workflows_app.core.strict_json import JsonRefused, strict_loads

MAX_INPUT = 25_000_000  # bytes


def input_read(text: str | None, file: Path | None) -> Any:
    """Give the input as a value; nothing named gives `{}`."""
    try:
        if file is not None:
            return strict_loads(file.read_bytes(), max_bytes=MAX_INPUT)
        return strict_loads(text, max_bytes=MAX_INPUT) if text else {}
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from error
    except JsonRefused as error:
        raise CommandError(f"The input is no JSON: {error.message}") from error


def csv_inputs(
    file: Path, schema: dict[str, Any], *, is_mapped: bool, limit: int | None = None
) -> list[dict[str, Any]]:
    """Give a value for each row, its cells typed as the schema asks.

    Args:
        schema: the workflow's input schema; with `is_mapped` that of its list's items counts.
    """
    row_schema = _item_schema(schema) if is_mapped else schema
    types = {
        name: described.get("type")
        for name, described in (row_schema.get("properties") or {}).items()
        if isinstance(described, dict)
    }
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            rows = [_row(row, types) for row in csv.DictReader(lines)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{file} cannot be read: {error}") from error
    if not rows:
        raise CommandError(f"{file} has no rows.")
    return rows[:limit] if limit else rows


def csv_mapped(rows: list[dict[str, Any]], schema: dict[str, Any]) -> dict[str, Any]:
    """Give one input that holds all rows in the one list that the schema has."""
    return {_list_property(schema): rows}


def _row(row: dict[str | None, Any], types: dict[str, Any]) -> dict[str, Any]:
    if None in row:
        raise CommandError("A row has more cells than the header.")
    return {
        str(name): _cell(text, types.get(str(name)))
        for name, text in row.items()
        if text is not None
    }


def _cell(text: str, type_: Any) -> Any:
    """Read a cell as the type it is wanted in; what does not fit stays text for the schema."""
    wanted = set(type_ if isinstance(type_, list) else [type_])
    if text == "" and "null" in wanted:
        return None
    if "string" in wanted or wanted == {None}:
        return text
    try:
        return strict_loads(text)
    except JsonRefused:
        return text


def _list_property(schema: dict[str, Any]) -> str:
    lists = [
        name
        for name, described in (schema.get("properties") or {}).items()
        if isinstance(described, dict) and described.get("type") == "array"
    ]
    if len(lists) != 1:
        raise CommandError("--map needs an input schema with exactly one list.")
    return lists[0]


def _item_schema(schema: dict[str, Any]) -> dict[str, Any]:
    items = schema["properties"][_list_property(schema)].get("items")
    return items if isinstance(items, dict) else {}
