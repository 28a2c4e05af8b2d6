"""Whether the input of a field can show a value; what it cannot is shown as JSON."""

from collections.abc import Callable, Mapping
from typing import Any

from workflows_app.builder.forms.shapes import Shape
from workflows_app.core.definition.changes import ABSENT

JSON = Any


def fits(shape: Shape, value: JSON) -> bool:
    """Tell whether the input of a field can show this value; else it is shown as JSON."""
    check = _FITS.get(shape.input)
    if shape.bare and isinstance(value, list):
        return all(isinstance(item, str | Mapping) for item in value)
    return value is ABSENT or check is None or check(value)


def _is_text(value: JSON) -> bool:
    return isinstance(value, str)


def _is_object(value: JSON) -> bool:
    return isinstance(value, Mapping)


def _is_texts(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_objects(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)


def _is_scalar(value: JSON) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


_FITS: dict[str, Callable[[JSON], bool]] = {
    **dict.fromkeys(("text", "long", "duration", "select"), _is_text),
    **dict.fromkeys(("texts", "people", "chips"), _is_texts),
    **dict.fromkeys(("rows", "variants"), _is_objects),
    **dict.fromkeys(("object", "arguments", "named", "pairs"), _is_object),
    **dict.fromkeys(("number", "scalar"), _is_scalar),
    "condition": lambda value: isinstance(value, str) or type(value) is int,
    "switch": lambda value: isinstance(value, bool),
    "steps": lambda value: isinstance(value, list | Mapping),
    "gate": lambda value: value == "none" or isinstance(value, Mapping),
    "join": lambda value: value in ("all", "any") or isinstance(value, Mapping),
}
