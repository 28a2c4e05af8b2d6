"""What a new row of a form holds."""

from collections.abc import Iterable
from typing import Any

from workflows_app.builder.forms.shapes import Shape
from workflows_app.builder.palette import defaults_of
from workflows_app.core.definition import CheckContext

JSON = Any
_STARTS: dict[str, JSON] = {
    "text": "", "long": "", "scalar": "", "duration": "1h", "condition": "true", "value": "",
    "number": 1, "people": [], "texts": [], "arguments": {}, "switch": False,
}  # fmt: skip


def start_of(shape: Shape, rows: list[JSON]) -> JSON:
    """Give a new row of a list, with a name of its own where it has one."""
    if shape.variants is not None:
        first = next(iter(shape.variants))
        return {"check": first, **row_start(shape.variants[first])}
    found = row_start(shape.fields)
    for name in ("port", "name"):
        if name in found:
            taken = [row.get(name) for row in rows if isinstance(row, dict)]
            found[name] = unique(_WORDS[name], taken, is_numbered=True)
    return found


def row_start(shapes: Iterable[Shape]) -> dict[str, JSON]:
    """Give the required fields of an object, each with a beginning."""
    found: dict[str, JSON] = {}
    for shape in shapes:
        if not shape.is_required:
            continue
        if shape.input == "step":
            found[shape.name] = step_start("model")
        elif shape.input == "select":
            found[shape.name] = shape.choices[0]
        elif shape.input == "body":
            found[shape.name] = {"steps": [], "edges": []}
        elif shape.input in _STARTS:
            start = _STARTS[shape.input]
            found[shape.name] = type(start)(start)
    return found


def step_start(kind: str) -> dict[str, JSON]:
    """Give a new step inside the settings of another."""
    return {"kind": kind, "with": defaults_of(kind, CheckContext())}


def unique(word: str, taken: Iterable[JSON], *, is_numbered: bool = False) -> str:
    """Give the word, numbered where another is called so already."""
    known = set(taken)
    number = 1
    found = f"{word}_1" if is_numbered else word
    while found in known:
        number += 1
        found = f"{word}_{number}"
    return found


_WORDS = {"port": "branch", "name": "tier"}
