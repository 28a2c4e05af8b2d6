"""How values that an agent wrote are shown: exactly, and with nothing hidden in them.

A text is cut into parts, so that a page can mark what a reader would not see: control
characters, and those that turn the direction of writing round. Escaping is the template's.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON = Any
FOLD_AT = 400  # characters shown before a value is folded away
ROWS_MOST = 200
_PLAIN = frozenset("\n\t")
_PLAIN_REMOVED = dict.fromkeys(map(ord, _PLAIN))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of text, or the name of one character that could not be seen."""

    text: str
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One field of an action; `sign` is + or - in a diff."""

    name: str
    parts: tuple[Part, ...]
    is_long: bool
    length: int
    hash: str  # the first characters of the text's SHA-256
    sign: str = ""


def is_hidden(character: str) -> bool:
    """Tell whether a reader cannot see this character, though a machine can."""
    if character in _PLAIN:
        return False
    category = unicodedata.category(character)
    if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return True
    return category == "Zs" and character != " "


def visible(text: str) -> tuple[Part, ...]:
    """Cut a text into parts; each hidden character becomes a part such as U+202E."""
    if text.translate(_PLAIN_REMOVED).isprintable():  # nothing in it is hidden, as is most often
        return (Part(text=text),) if text else ()
    parts: list[Part] = []
    plain = ""
    for character in text:
        if not is_hidden(character):
            plain += character
            continue
        if plain:
            parts.append(Part(text=plain))
            plain = ""
        parts.append(Part(text=f"U+{ord(character):04X}", is_hidden=True))
    if plain:
        parts.append(Part(text=plain))
    return tuple(parts)


def value_text(value: JSON) -> str:
    """Give a value as people read it: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def rows(value: JSON) -> list[Row]:
    """Give the fields of a value, nested ones by their path, in order."""
    found = [_row(name or "value", leaf) for name, leaf in _leaves("", value)]
    if len(found) <= ROWS_MOST:
        return found
    more = len(found) - ROWS_MOST
    return [*found[:ROWS_MOST], _row("…", f"{more} more fields: see the payload below")]


def diff(before: JSON, after: JSON) -> list[Row]:
    """Give all fields with each changed one twice, as it was and as it will be."""
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    found = []
    for name in dict.fromkeys([*old, *new]):
        shown = name or "value"
        if name in old and name in new and _same(old[name], new[name]):
            found.append(_row(shown, old[name]))
            continue
        if name in old:
            found.append(_row(shown, old[name], sign="-"))
        if name in new:
            found.append(_row(shown, new[name], sign="+"))
    return found


def changes_count(before: JSON, after: JSON) -> int:
    """Give how many fields differ."""
    old, new = dict(_leaves("", before)), dict(_leaves("", after))
    return sum(
        name not in old or name not in new or not _same(old[name], new[name])
        for name in old.keys() | new.keys()
    )


def _same(one: JSON, other: JSON) -> bool:
    return type(one) is type(other) and one == other


def _leaves(path: str, value: JSON) -> Iterator[tuple[str, JSON]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _leaves(f"{path}[{index}]", inner)
    else:
        yield path, value


def _row(name: str, value: JSON, sign: str = "") -> Row:
    text = value_text(value)
    return Row(
        name="".join(part.text for part in visible(name)),
        parts=visible(text),
        is_long=len(text) > FOLD_AT,
        length=len(text),
        hash=hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16],
        sign=sign,
    )


def countdown(seconds: float) -> str:
    """Give a time left as people say it: 23 min, 2 h 10 min, 3 days."""
    if seconds <= 0:
        return "overdue"
    minutes = int(seconds // 60)
    if minutes < 1:
        return "under 1 min"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days = minutes // (24 * 60)
    return f"{days} day" if days == 1 else f"{days} days"
