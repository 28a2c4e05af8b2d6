"""Which events fit what a wait, a trigger or a subscription names. Pure.

A type is exact, or a pattern in which `*` stands for anything (`order.*`). Store and wait meet
on *channels*: a wait has one, an event has all those on which somebody could wait for it.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

JSON = Any


@lru_cache(maxsize=2000)
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def type_fits(pattern: str, type: str) -> bool:
    """Tell whether an event of this type is meant."""
    return _pattern(pattern).fullmatch(type) is not None


def like_of(pattern: str) -> str:
    """Give the pattern as SQL LIKE reads it."""
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern)
    return escaped.replace("*", "%")


def _channel(head: str, key: str | None) -> str:
    return f"{head}\n" if key is None else f"{head}\n={key}"


def channel_of(pattern: str, key: str | None) -> str:
    """Give the channel of a wait: an exact type, or the first word of a pattern, and its key."""
    head = pattern
    if "*" in pattern:
        first, dot, _ = pattern.partition(".")
        head = f"{first}.*" if dot and "*" not in first else "*"
    return _channel(head, key)


def channels_of(type: str, subject: str | None) -> list[str]:
    """Give every channel on which somebody could wait for an event."""
    heads = dict.fromkeys([type, f"{type.partition('.')[0]}.*", "*"])
    keys = [None] if subject is None else [None, subject]
    return [_channel(head, key) for head in heads for key in keys]


def event_shape(
    *,
    id: str,
    source: str,
    type: str,
    subject: str | None,
    time: datetime,
    data: JSON,
    extensions: Mapping[str, JSON],
) -> dict[str, JSON]:
    """Give the event as expressions, outputs and subscribers see it: a CloudEvent."""
    shape: dict[str, JSON] = {"specversion": "1.0", "id": id, "source": source, "type": type}
    if subject is not None:
        shape["subject"] = subject
    shape["time"] = time.isoformat().replace("+00:00", "Z")
    return {**extensions, **shape, "datacontenttype": "application/json", "data": data}
