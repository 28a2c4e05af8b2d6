"""Which requests are alike enough to be answered together, and which of them stand out."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

JSON = Any
LEAST = 3  # fewer are as quickly answered one by one
MOST = 25
OPENED = 2  # so many are opened before the rest may be answered
SPREAD = 3.0  # a number further from the middle than so many usual distances stands out
SLACK = 0.25  # of the middle: a smaller distance is never unusual


def batch_key(*parts: object) -> str:
    """Give a short name for what the requests of a batch have in common."""
    text = "\x1f".join(map(str, parts))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def fields(arguments: JSON) -> Mapping[str, JSON]:
    """Give arguments by name; a single value has none."""
    return arguments if isinstance(arguments, Mapping) else {"value": arguments}


def outliers(items: Sequence[JSON]) -> dict[int, str]:
    """Give which of these arguments stand out, by position, each with the reason."""
    rows = [fields(item) for item in items]
    shapes = Counter(frozenset(row) for row in rows)
    if not shapes:
        return {}
    usual = shapes.most_common(1)[0][0]
    found = {i: "has other fields" for i, row in enumerate(rows) if frozenset(row) != usual}
    for name in sorted(usual):
        numbers = {i: row[name] for i, row in enumerate(rows) if _is_number(row.get(name))}
        for index in _far(numbers):
            found.setdefault(index, f"{name} is far from the others")
    return found


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _far(numbers: Mapping[int, float]) -> list[int]:
    if len(numbers) < LEAST:
        return []
    middle = median(numbers.values())
    usual = median(abs(value - middle) for value in numbers.values())
    fence = SPREAD * max(usual, SLACK * abs(middle))
    return [index for index, value in numbers.items() if abs(value - middle) > fence]


def varying(items: Sequence[JSON]) -> list[str]:
    """Give the fields whose values differ, in the order of the first item."""
    rows = [fields(item) for item in items]
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if any(row.get(name) != rows[0].get(name) for row in rows)]


def to_open(numbers: Iterable[int], *, person: int) -> list[int]:
    """Give the requests that this person is to open: arbitrary, but the same each time."""

    def order(number: int) -> str:
        return hashlib.sha256(f"{person}:{number}".encode()).hexdigest()

    return sorted(sorted(numbers, key=order)[:OPENED])
