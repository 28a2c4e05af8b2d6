"""Give a step another id, with everything that names it."""

import re
from collections.abc import Mapping
from typing import Any

from workflows_app.builder.locate import Located, value_at
from workflows_app.core.definition.changes import DraftChange, changes_between, json_copy
from workflows_app.core.definition.models import ID_PATTERN
from workflows_app.errors import Invalid

JSON = Any


def rename_changes(draft: Mapping[str, JSON], located: Located, wanted: str) -> list[DraftChange]:
    """Give the changes of the step, of its edges, of its box, and of expressions that name it.

    Raises:
        Invalid: the name is no id, or another step has it.
    """
    if not re.fullmatch(ID_PATTERN, wanted) or wanted.startswith("_"):
        message = "An id begins with a letter and has letters, digits and _ only."
        raise Invalid(message, code="bad_id")
    old = str(located.step.get("id") or "")
    made = json_copy(draft)
    body = value_at(made, located.keys[:-2])
    if not old or located.keys[-2:-1] != ("steps",) or not isinstance(body, dict):
        raise Invalid("This step has no id of its own to change.", code="bad_id")
    steps = body["steps"]
    if any(isinstance(step, dict) and step.get("id") == wanted for step in steps):
        raise Invalid(f"There is already a step called {wanted}.", code="bad_id")
    steps[located.keys[-1]]["id"] = wanted
    for edge in body.get("edges") or ():
        _edge(edge, old, wanted)
    layout = body.get("layout")
    if isinstance(layout, dict):
        body["layout"] = {_drawn(key, old, wanted): at for key, at in layout.items()}
    named = re.compile(rf"\bsteps\.{re.escape(old)}\b")
    for key in ("steps", "output"):
        if key in body:
            body[key] = _texts(body[key], named, f"steps.{wanted}")
    return changes_between(draft, made)


def _drawn(key: str, old: str, wanted: str) -> str:
    """Give the key of a box, of what is in it (`order/paid`), or of an edge (`order.error>end`)."""
    ends = (re.sub(rf"^{re.escape(old)}(?=$|[./])", wanted, end) for end in key.split(">"))
    return ">".join(ends)


def _edge(edge: JSON, old: str, wanted: str) -> None:
    if not isinstance(edge, dict):
        return
    step, dot, port = str(edge.get("from", "")).partition(".")
    if step == old:
        edge["from"] = f"{wanted}{dot}{port}"
    if edge.get("to") == old:
        edge["to"] = wanted


def _texts(value: JSON, named: re.Pattern[str], words: str) -> JSON:
    if isinstance(value, str):
        return named.sub(words, value)
    if isinstance(value, dict):
        return {key: _texts(item, named, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_texts(item, named, words) for item in value]
    return value
