"""Values as people write them in a field: text, an expression, or JSON."""

import json
import re
from dataclasses import dataclass
from typing import Any

from workflows_app.core.strict_json import JsonRefused, strict_loads

JSON = Any
OPERATORS = ("==", "!=", ">", ">=", "<", "<=", "in", "contains", "startsWith")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TEXT = re.compile(r'"([^"\\]*)"')
_LEFT = re.compile(r"[A-Za-z_][A-Za-z0-9_.\[\]?]*")
_INFIX = re.compile(r"\s*([A-Za-z_][\w.\[\]?]*)\s*(==|!=|>=|<=|>|<|\bin\b)\s*(.+?)\s*", re.DOTALL)
_CALL = re.compile(r"\s*([A-Za-z_][\w.\[\]?]*)\.(contains|startsWith)\((.+)\)\s*", re.DOTALL)


class TextRefused(ValueError):
    """What somebody wrote cannot be kept as it is."""


def value_show(value: JSON) -> str:
    """Write a value so that `value_read` gives it back."""
    if isinstance(value, str):
        try:
            is_plain = value != "" and value_read(value) == value
        except TextRefused:
            is_plain = False
        return value if is_plain else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, indent=2)


def value_read(text: str) -> JSON:
    """Give what a text means: JSON where it is JSON, else the text itself, `=CEL` included.

    Raises:
        TextRefused: it begins like an object or a list and is none.
    """
    written = text.strip()
    if written[:1] not in ("{", "[", '"') and written not in ("null", "true", "false"):
        return json.loads(written) if _NUMBER.fullmatch(written) and _is_json(written) else text
    try:
        return strict_loads(written)
    except JsonRefused as refused:
        if written.startswith("{{"):
            return text
        raise TextRefused(f"This is {refused.message}.") from None


def json_read(text: str) -> JSON:
    """Give JSON.

    Raises:
        TextRefused: it is none.
    """
    try:
        return strict_loads(text)
    except JsonRefused as refused:
        raise TextRefused(f"This is {refused.message}.") from None


def number_read(text: str) -> int | float:
    """Give a number, whole where it is written so.

    Raises:
        TextRefused: it is none.
    """
    written = text.strip().replace(",", ".") if text.count(",") == 1 else text.strip()
    if not _NUMBER.fullmatch(written) or not _is_json(written):
        raise TextRefused("Write a number, such as 3 or 0.85.")
    found: int | float = json.loads(written)
    return found


def scalar_read(text: str) -> JSON:
    """Give a number where it is one, else the text."""
    written = text.strip()
    return json.loads(written) if _NUMBER.fullmatch(written) and _is_json(written) else written


def _is_json(written: str) -> bool:
    try:
        strict_loads(written)
    except JsonRefused:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of a condition: a field, an operator and a value as it is written in CEL."""

    field: str
    operator: str
    value: str


def condition_rows(source: str) -> tuple[str, list[Comparison]] | None:
    """Give a simple condition as rows joined by `&&` or `||`; None where it is more than that."""
    text = source.strip()
    if not text:
        return "&&", []
    for joint in ("&&", "||"):
        other = "||" if joint == "&&" else "&&"
        rows = [_comparison(part) for part in text.split(joint)]
        if all(row is not None for row in rows) and other not in text:
            return joint, [row for row in rows if row is not None]
    return None


def condition_text(joint: str, rows: list[Comparison]) -> str:
    """Write rows as CEL; numbers become doubles, as data has no others, and words are quoted."""
    written = [_written(row) for row in rows if row.field.strip()]
    return f" {'||' if joint == '||' else '&&'} ".join(written)


def _written(row: Comparison) -> str:
    field, operator = row.field.strip(), row.operator
    if operator not in OPERATORS:
        raise TextRefused(f"There is no operator {operator[:20]}.")
    if not _LEFT.fullmatch(field):
        raise TextRefused(f"{field[:40]} is no field: choose one such as input.amount.")
    value = _literal(row.value.strip(), is_list=operator == "in")
    if operator in ("contains", "startsWith"):
        return f"{field}.{operator}({value})"
    return f"{field} {operator} {value}"


def _literal(text: str, *, is_list: bool) -> str:
    if _NUMBER.fullmatch(text):
        return text if "." in text else f"{text}.0"
    if text in ("true", "false", "null") or (_LEFT.fullmatch(text) and "." in text):
        return text
    if text.startswith(('"', "[")) or (is_list and "." in text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _comparison(part: str) -> Comparison | None:
    found = _CALL.fullmatch(part)
    if found is not None and _is_simple(found[3]):
        return Comparison(found[1], found[2], _plain(found[3]))
    found = _INFIX.fullmatch(part)
    if found is not None and _is_simple(found[3]):
        return Comparison(found[1], found[2], _plain(found[3]))
    return None


def _is_simple(value: str) -> bool:
    written = value.strip()
    is_list = written.startswith("[") and written.endswith("]") and "(" not in written
    return bool(
        is_list
        or _NUMBER.fullmatch(written)
        or _TEXT.fullmatch(written)
        or _LEFT.fullmatch(written)
    )


def _plain(value: str) -> str:
    """A quoted word is shown without its quotes where it reads back the same."""
    written = value.strip()
    found = _TEXT.fullmatch(written)
    if found is None:
        return written.removesuffix(".0") if _NUMBER.fullmatch(written) else written
    return found[1] if _literal(found[1], is_list=False) == written else written
