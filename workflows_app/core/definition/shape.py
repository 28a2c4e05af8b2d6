"""Turn what pydantic refuses into problems with stable codes and JSON pointers."""

from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from workflows_app.core.definition.problems import Findings
from workflows_app.core.strict_json import pointer_escape

JSON = Any
_INSIDE = 2  # a location of so many parts lies inside a field
_CODES = {"extra_forbidden": "unknown_field", "missing": "missing_field"}


def shape_check(
    value: JSON,
    model: type[BaseModel],
    findings: Findings,
    *,
    pointer: str = "",
    step: str | None = None,
    ignore: tuple[str, ...] = (),
) -> BaseModel | None:
    """Give the value as its model, or note why it is none.

    Args:
        ignore: fields whose insides are checked elsewhere.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        noted: set[str] = set()
        for detail in sorted(details, key=lambda one: one["type"] != "value_error"):
            location = detail["loc"]
            if len(location) < _INSIDE or location[0] not in ignore:
                _note(detail, value, findings, pointer, step, noted)
        return None


def _note(
    detail: ErrorDetails,
    value: JSON,
    findings: Findings,
    pointer: str,
    step: str | None,
    noted: set[str],
) -> None:
    """Note one error; of the errors of a union's members the most telling."""
    where = _pointer(value, detail["loc"], detail["type"])
    if where in noted:
        return
    noted.add(where)
    code = _CODES.get(detail["type"], "invalid_value")
    name = where.rpartition("/")[2]
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if code == "unknown_field":
        message = f"there is no field {name}"
    elif code == "missing_field":
        message = f"the field {name} is missing"
    elif "is not a duration" in message or "longer than ten years" in message:
        code = "bad_duration"
    elif detail["type"] == "string_too_short" and (detail.get("ctx") or {}).get("min_length") == 1:
        message = f"{name or 'it'} is empty"
    elif name:
        message = f"{name}: {message[:1].lower()}{message[1:]}"
    findings.add(code, message, pointer=pointer + where, step=step)


def _pointer(value: JSON, location: tuple[int | str, ...], kind: str) -> str:
    """Follow a location through the value; names of union members in it lead nowhere."""
    parts: list[str] = []
    for index, key in enumerate(location):
        is_last = index == len(location) - 1
        if _holds(value, key):
            value = value[key]
        elif not (is_last and kind == "missing"):
            continue
        parts.append(pointer_escape(str(key)))
    return "".join(f"/{part}" for part in parts)


def _holds(value: JSON, key: int | str) -> bool:
    if isinstance(value, dict):
        return key in value
    return isinstance(value, list) and isinstance(key, int) and key < len(value)
