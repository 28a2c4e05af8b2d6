"""How values that JSON does not know are written: times in RFC 3339 and UTC, ids as text."""

import json
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel


def plain(value: Any) -> Any:
    """Turn one value into what JSON knows.

    Raises:
        TypeError: it has no JSON form.
    """
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Enum():
            return value.value
        case UUID() | date():
            return str(value)
        case BaseModel():
            return value.model_dump()
        case set() | frozenset() | tuple():
            return list(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def json_text(value: Any) -> str:
    """Write JSON that a strict reader takes back."""
    return json.dumps(
        value, default=plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")
    )
