"""Rows of repeatable groups, added, moved and taken away by the server, without scripts too."""

from collections.abc import Mapping
from typing import Any

from workflows_app.views.schema_form import MISSING
from workflows_app.views.schema_read import Reader

JSON = Any
ACTS = ("add:", "remove:", "up:")


def is_row_act(act: str) -> bool:
    """Say whether a button's value asks for another arrangement of rows."""
    return act.startswith(ACTS)


def rows_change(schema: JSON, posted: Mapping[str, str], act: str) -> JSON:
    """Give what a form holds once the row that `act` names is added, moved or taken away.

    Args:
        act: `add:` with the pointer of a list, or `remove:` or `up:` with that of one of its rows.
    """
    word, _, field = act.partition(":")
    read = Reader(schema, posted)
    pointer = read.places.get(field)
    if pointer is None:
        return read.value
    parts = pointer.split("/")[1:]
    return _at(read.value, parts if word == "add" else parts[:-1], word, parts[-1:])


def _at(value: JSON, parts: list[str], word: str, row: list[str]) -> JSON:
    """Give the value with the list that the parts lead to changed."""
    if not parts:
        held = value if isinstance(value, list) else []
        return _changed(held, word, int(row[0]) if word != "add" else 0)
    key = parts[0].replace("~1", "/").replace("~0", "~")
    if isinstance(value, list):
        place = int(key)
        if place >= len(value):
            return value
        return [*value[:place], _at(value[place], parts[1:], word, row), *value[place + 1 :]]
    inner = value if isinstance(value, dict) else {}
    return {**inner, key: _at(inner.get(key, MISSING), parts[1:], word, row)}


def _changed(rows: list[JSON], word: str, place: int) -> list[JSON]:
    if word == "add":
        return [*rows, MISSING]
    if word == "remove":
        return [*rows[:place], *rows[place + 1 :]]
    if not 0 < place < len(rows):
        return rows
    return [*rows[: place - 1], rows[place], rows[place - 1], *rows[place + 1 :]]
