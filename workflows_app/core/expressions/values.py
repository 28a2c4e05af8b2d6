"""JSON into CEL and back: numbers, budgets, and values that are only passed through."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from workflows_app.core.canonical import EXACT
from workflows_app.core.expressions.paths import Wanted
from workflows_app.core.expressions.problems import ExpressionError

JSON = Any
LIST_LIMIT = 5_000
OUTPUT_LIMIT = 256_000
_INT64 = range(-(2**63), 2**63)


def whole_convert(value: JSON) -> Any:
    """Give a JSON value as CEL takes it: numbers as doubles, integers beyond 2^53 as int."""
    kind = type(value)
    if kind is str or kind is float or kind is bool or value is None:
        return value
    if kind is int:
        return value if abs(value) > EXACT and value in _INT64 else float(value)
    if kind is list:
        return [whole_convert(item) for item in value]
    if isinstance(value, dict):
        return {key: whole_convert(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [whole_convert(item) for item in value]
    raise ExpressionError("expression_not_json", f"{kind.__name__} is not JSON")


def part_convert(value: JSON, wanted: Wanted) -> Any:
    """Give only the parts of a JSON value that are wanted, as CEL takes them."""
    if wanted.is_whole:
        return whole_convert(value)
    if isinstance(value, dict):
        return {
            key: part_convert(value[key], inner)
            for key, inner in wanted.keys.items()
            if key in value
        }
    return [] if isinstance(value, list | tuple) else whole_convert(value)


def passed_convert(value: JSON, wanted: Wanted, kept: list[JSON]) -> Any:
    """Like `part_convert`, with lists and objects replaced by bytes that name them in `kept`.

    JSON has no bytes, so no other value can be taken for such a name.
    """
    if isinstance(value, dict) and not wanted.is_whole:
        return {
            key: passed_convert(value[key], inner, kept)
            for key, inner in wanted.keys.items()
            if key in value
        }
    if wanted.is_whole and isinstance(value, dict | list | str):
        kept.append(value)
        return str(len(kept) - 1).encode()
    return [] if isinstance(value, list) else whole_convert(value)


class Collector:
    """Turns what CEL gave into JSON and counts what was computed.

    Raises (from `json`):
        ExpressionError: a list or the whole is too large, or it is not JSON.
    """

    def __init__(self, kept: list[JSON]) -> None:
        self.kept = kept
        self.size = 0

    def json(self, value: Any) -> JSON:
        """Give a value as JSON: doubles that are whole become integers."""
        kind = type(value)
        if kind is float:
            return self._double(value)
        if kind is list:
            return self._list(value)
        if kind is dict:
            return self._object(value)
        if value is not None and kind not in (str, bool, int):
            return self._other(value)
        self._count(len(value) + 2 if kind is str else 8)
        return value

    def _count(self, size: int) -> None:
        self.size += size
        if self.size > OUTPUT_LIMIT:
            raise ExpressionError(
                "expression_too_large", f"the result is larger than {OUTPUT_LIMIT // 1000} kB"
            )

    def _double(self, value: float) -> float | int:
        self._count(8)
        if not math.isfinite(value):
            raise ExpressionError(
                "expression_not_json", f"the result is {value}, which is no number"
            )
        return int(value) if -EXACT <= value <= EXACT and value.is_integer() else value

    def _list(self, value: list[Any]) -> list[JSON]:
        if len(value) > LIST_LIMIT:
            raise ExpressionError(
                "expression_too_large",
                f"a list of {len(value)} was computed; the limit is {LIST_LIMIT}",
            )
        self._count(2)
        return [self.json(item) for item in value]

    def _object(self, value: dict[Any, Any]) -> dict[str, JSON]:
        if not all(type(key) is str for key in value):
            raise ExpressionError("expression_not_json", "an object's keys must be text")
        self._count(2 + sum(map(len, value)))
        return {key: self.json(item) for key, item in value.items()}

    def _other(self, value: Any) -> JSON:
        if isinstance(value, bytes | bytearray):
            return self.kept[int(value)]
        self._count(32)
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        if isinstance(value, timedelta):
            return f"{_plain(value.total_seconds())}s"
        raise ExpressionError("expression_not_json", f"the result is a {type(value).__name__}")


def _plain(seconds: float) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")
