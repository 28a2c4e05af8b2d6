"""Documents and figures: `documents.*`, `figures.read`."""

from typing import Any, TypedDict

from workflows_app.agents.tools import ToolCall, ToolError, tool
from workflows_app.gallery.acts import Ended, act_once, number_from
from workflows_app.gallery.core import texts
from workflows_app.gallery.sample_data import FIGURES


class Extract(TypedDict):
    """What stands in a document in so many words."""

    fields: dict[str, str]
    amounts: list[float]
    dates: list[str]
    words: int
    summary: str


class Filed(TypedDict):
    """A filed document."""

    id: str
    title: str
    kind: str
    state: str


class Figure(TypedDict):
    """One figure of a quarter."""

    name: str
    quarter: str
    value: float


@tool("documents.extract", effect="none")
def extract(text: str) -> Extract:
    """Give the named fields, amounts and dates that stand in a text."""
    return texts.extract(text)


@tool("documents.file", effect="reversible", idempotent=True, undo="documents.remove")
def file(call: ToolCall, title: str, kind: str, content: dict[str, Any]) -> Filed:
    """File what was found in a document."""
    arguments = {"title": title, "kind": kind, "content": content}
    result = {"id": number_from("D", call.key), "title": title, "kind": kind, "state": "filed"}
    return act_once(tool="documents.file", key=call.key, arguments=arguments, result=result)


@tool("documents.remove", effect="irreversible", idempotent=True)
def remove(call: ToolCall, id: str) -> Ended:
    """Remove a filed document."""
    result = {"id": id, "state": "removed"}
    return act_once(tool="documents.remove", key=call.key, arguments={"id": id}, result=result)


@tool("figures.read", effect="none")
def read(name: str, quarter: str) -> Figure:
    """Give one figure of a quarter."""
    if name not in FIGURES:
        raise ToolError(f"there is no figure named {name}", code="unknown_figure")
    return {"name": name, "quarter": quarter, "value": FIGURES[name]}
