"""Rows of repeatable groups, added and taken away by the server: forms work without scripts."""

from collections.abc import Mapping
from typing import Any

from workflows_app.views.schema_form import MISSING, PREFIX
from workflows_app.views.schema_read import form_read

JSON = Any
ADD, REMOVE = "add:", "remove:"


def is_row_act(act: str) -> bool:
    """Say whether a button's value asks for a row more or less."""
    return act.startswith((ADD, REMOVE))


def rows_change(schema: JSON, posted: Mapping[str, str], act: str) -> JSON:
    """Give what a form holds once the row that `act` names is added or taken away.

    Args:
        act: `add:` with the pointer of a list, or `remove:` with that of one of its items.
    """
    word, _, pointer = act.partition(":")
    gone = f"{PREFIX}{pointer}"
    kept = dict(posted)
    if word == "remove":
        kept = {
            name: text
            for name, text in posted.items()
            if name not in (gone, f"{gone}#") and not name.startswith(f"{gone}/")
        }
    value, _problems = form_read(schema, kept)
    return _appended(value, pointer.split("/")[1:]) if word == "add" else value


def _appended(value: JSON, parts: list[str]) -> JSON:
    """Give the value with an empty item at the end of the list that the parts lead to."""
    if not parts:
        return [*(value if isinstance(value, list) else []), MISSING]
    key = parts[0].replace("~1", "/").replace("~0", "~")
    if isinstance(value, list):
        if not key.isdecimal() or int(key) >= len(value):
            return value
        place = int(key)
        return [*value[:place], _appended(value[place], parts[1:]), *value[place + 1 :]]
    inner = value if isinstance(value, dict) else {}
    return {**inner, key: _appended(inner.get(key, MISSING), parts[1:])}
