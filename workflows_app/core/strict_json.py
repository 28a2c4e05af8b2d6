"""JSON as the product accepts it: no NaN, no duplicate keys, no half characters, bounded."""

import json
import math
from typing import Any

JSON = Any
INTEGERS = range(-(2**63), 2**63)
_SURROGATES = frozenset(map(chr, range(0xD800, 0xE000)))


class JsonRefused(ValueError):
    """The text or value is not JSON that the product takes.

    Args:
        code: `json_syntax`, `json_too_large`, `json_too_deep`, `json_duplicate_key`,
            `json_number`, `json_text` or `json_type`.
        pointer: JSON pointer of the place, "" where it is the whole.
    """

    def __init__(self, code: str, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.pointer = pointer


def strict_loads(
    text: bytes | bytearray | str,
    *,
    max_bytes: int = 1_000_000,
    max_depth: int = 64,
    max_keys: int = 10_000,
    max_string: int = 1_000_000,
) -> JSON:
    """Parse JSON text, refusing what PostgreSQL, CEL or a reader would stumble over.

    Args:
        max_keys: members that one object may have.

    Raises:
        JsonRefused: with the rule that is broken; `json_too_large` is about size alone.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    if len(raw) > max_bytes:
        raise JsonRefused("json_too_large", f"more than {max_bytes} bytes of JSON")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except JsonRefused:
        raise
    except UnicodeDecodeError as error:
        raise JsonRefused("json_text", "the text is not UTF-8") from error
    except RecursionError as error:
        raise JsonRefused("json_too_deep", f"nested deeper than {max_depth}") from error
    except ValueError as error:
        raise JsonRefused("json_syntax", f"not JSON: {error}") from error
    strict_check(value, max_depth=max_depth, max_keys=max_keys, max_string=max_string)
    return value


def strict_check(
    value: JSON,
    *,
    max_depth: int = 64,
    max_keys: int = 10_000,
    max_string: int = 1_000_000,
) -> None:
    """Make sure that a Python value is clean JSON, such as a tool's or a model's output.

    Raises:
        JsonRefused: with a pointer to the first place that is not.
    """
    pending: list[tuple[JSON, str, int]] = [(value, "", 1)]
    while pending:
        part, pointer, depth = pending.pop()
        if isinstance(part, dict | list) and depth > max_depth:
            raise JsonRefused("json_too_deep", f"nested deeper than {max_depth}", pointer)
        if isinstance(part, dict):
            if len(part) > max_keys:
                raise JsonRefused("json_too_large", f"more than {max_keys} keys", pointer)
            for key, item in part.items():
                _text_check(key, pointer, max_string)
                pending.append((item, f"{pointer}/{pointer_escape(key)}", depth + 1))
        elif isinstance(part, list):
            pending.extend(
                (item, f"{pointer}/{index}", depth + 1) for index, item in enumerate(part)
            )
        else:
            _scalar_check(part, pointer, max_string)


def pointer_escape(key: str) -> str:
    """Give a key as one part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _scalar_check(value: JSON, pointer: str, max_string: int) -> None:
    if isinstance(value, str):
        _text_check(value, pointer, max_string)
    elif type(value) is int:
        if value not in INTEGERS:
            raise JsonRefused("json_number", "an integer beyond 64 bits", pointer)
    elif type(value) is float:
        if not math.isfinite(value):
            raise JsonRefused("json_number", "a number that is not finite", pointer)
    elif value is not None and type(value) is not bool:
        raise JsonRefused("json_type", f"{type(value).__name__} is not JSON", pointer)


def _text_check(text: object, pointer: str, max_string: int) -> None:
    if not isinstance(text, str):
        raise JsonRefused("json_type", "a key that is not text", pointer)
    if len(text) > max_string:
        raise JsonRefused("json_too_large", f"a text of more than {max_string}", pointer)
    if "\0" in text:
        raise JsonRefused("json_text", "a text with the character U+0000", pointer)
    if not text.isascii() and not _SURROGATES.isdisjoint(text):
        raise JsonRefused("json_text", "a text with half a character (lone surrogate)", pointer)


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in value if keys.count(key) > 1)
        raise JsonRefused("json_duplicate_key", f"the key {twice[:100]!r} appears twice")
    return value


def _constant(name: str) -> JSON:
    raise JsonRefused("json_number", f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > 20 or int(digits) not in INTEGERS:
        raise JsonRefused("json_number", "an integer beyond 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonRefused("json_number", "a number beyond 1e308")
    return value
