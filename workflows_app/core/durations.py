"""Durations as people write them: `500ms`, `30s`, `24h`."""

import re
from datetime import timedelta

_PATTERN = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
LONGEST = timedelta(days=3660)
DURATION_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?(ms|s|m|h|d)$"  # for the JSON Schema


def duration_parse(text: object) -> timedelta:
    """Give the time that a number with `ms`, `s`, `m`, `h` or `d` stands for.

    Raises:
        ValueError: it is not such a text, or longer than ten years.
    """
    found = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            f"{str(text)[:40]!r} is not a duration: "
            "write a number with ms, s, m, h or d, such as 24h"
        )
    number, unit = found.groups()
    try:
        duration = float(number) * _UNITS[unit]
    except OverflowError:
        duration = LONGEST + timedelta(days=1)
    if duration > LONGEST:
        raise ValueError(f"{text} is longer than ten years")
    return duration


def is_duration(text: object) -> bool:
    """Tell whether `duration_parse` would take it."""
    try:
        duration_parse(text)
    except ValueError:
        return False
    return True


def duration_text(duration: timedelta) -> str:
    """Give the shortest exact way to write a duration of whole milliseconds."""
    milliseconds = round(duration / timedelta(milliseconds=1))
    for unit in ("d", "h", "m", "s"):
        size = round(_UNITS[unit] / timedelta(milliseconds=1))
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"
