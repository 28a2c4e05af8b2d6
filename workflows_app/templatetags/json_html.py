"""JSON as coloured HTML; every character of the value is escaped."""

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

LIMIT = 100_000  # characters; a page shows no more, the API gives all
KINDS = {str: "s", bool: "l", int: "n", float: "n", type(None): "l"}


def json_html(value: Any) -> tuple[SafeString, str, bool]:
    """Give the coloured HTML, the plain text, and whether the text was cut."""
    value = _whole(value)
    raw = json.dumps(value, indent=2, ensure_ascii=False)
    if len(raw) > LIMIT:
        return format_html("{}", raw[:LIMIT]), raw[:LIMIT], True
    return _value(value, 0), raw, False


def _value(value: Any, depth: int) -> SafeString:
    if isinstance(value, dict) and value:
        rows = [
            (_inner(depth), json.dumps(key, ensure_ascii=False), _value(entry, depth + 1))
            for key, entry in value.items()
        ]
        body = format_html_join(",", '\n{}<span class="k">{}</span>: {}', rows)
        return format_html("{}{}\n{}{}", "{", body, "  " * depth, "}")
    if isinstance(value, list | tuple) and value:
        body = format_html_join(
            ",", "\n{}{}", [(_inner(depth), _value(entry, depth + 1)) for entry in value]
        )
        return format_html("[{}\n{}]", body, "  " * depth)
    return format_html(
        '<span class="{}">{}</span>',
        KINDS.get(type(value), "k"),
        json.dumps(value, ensure_ascii=False),
    )


def _whole(value: Any) -> Any:
    """Write 1840.0 as 1840, as the canonical form does."""
    if isinstance(value, dict):
        return {key: _whole(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(entry) for entry in value]
    if isinstance(value, float) and value.is_integer() and abs(value) <= 2**53:
        return int(value)
    return value


def _inner(depth: int) -> str:
    return "  " * (depth + 1)
