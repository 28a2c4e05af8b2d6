"""Two definitions side by side: steps with their marks, fields as a table, texts by words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows_app.core.definition import Change, definition_diff
from workflows_app.core.definition.words import Part, word_diff
from workflows_app.views.graph import Drawing, draw
from workflows_app.views.looks import Look, humanise

JSON = Any
SIGNS = {"added": "+", "removed": "−", "changed": "●"}
MARKS = {
    "added": Look("plus", "Added", "ok"),
    "removed": Look("x", "Removed", "fail"),
    "changed": Look("circle-dot", "Changed", "human"),
}
SHORT = 24  # characters: a shorter text without spaces is a name, and shown whole


@dataclass
class Row:
    """One field that differs; `words` only where both values are longer texts."""

    action: str
    label: str
    pointer: str
    old: JSON
    new: JSON
    words: list[Part] = field(default_factory=list)

    @property
    def sign(self) -> str:
        return SIGNS[self.action]


@dataclass
class Section:
    """A step, the connections, or the rest of the definition, with what differs in it."""

    name: str
    action: str
    rows: list[Row] = field(default_factory=list)
    step: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.action]


@dataclass
class Comparison:
    """What a page shows of two definitions."""

    parts: list[Section]
    drawing: Drawing
    counts: dict[str, int]

    @property
    def is_empty(self) -> bool:
        return not self.parts


def compare(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> Comparison:
    """Compare two definitions for people."""
    changes = definition_diff(old, new)
    parts = _parts(changes)
    steps = [part for part in parts if part.step]
    counts = {mark: sum(part.action == mark for part in steps) for mark in SIGNS}
    return Comparison(parts=parts, drawing=_overlay(old, new, parts), counts=counts)


def _parts(changes: list[Change]) -> list[Section]:
    found: dict[str, Section] = {}
    for change in changes:
        if change.kind == "step":
            name = change.step or ""
            part = found.setdefault(name, Section(humanise(name), change.action, step=name))
            part.rows.append(_row(change, "The whole step"))
        elif change.kind == "edge":
            where = change.step or ""
            key = f"edges {where}"
            title = f"Connections in {where}" if where else "Connections"
            part = found.setdefault(key, Section(title, "changed"))
            part.rows.append(_edge_row(change))
        else:
            name = change.step or "definition"
            title = humanise(name) if change.step else "The workflow itself"
            part = found.setdefault(name, Section(title, "changed", step=change.step or ""))
            part.rows.append(_row(change, _label(change)))
    return list(found.values())


def _row(change: Change, label: str) -> Row:
    row = Row(change.action, label, change.pointer, change.old, change.new)
    texts = isinstance(change.old, str) and isinstance(change.new, str)
    if texts and (len(change.old) > SHORT or len(change.new) > SHORT or " " in change.old):
        row.words = word_diff(change.old, change.new)
    return row


def _edge_row(change: Change) -> Row:
    edge = change.new if change.new is not None else change.old
    ends = f"{edge.get('from')} → {edge.get('to')}" if isinstance(edge, Mapping) else ""
    return Row(change.action, ends, change.pointer, None, None)


def _label(change: Change) -> str:
    """Give the words of the last parts of a pointer, without list positions of steps."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in change.pointer.split("/")[1:]]
    while "steps" in parts:
        parts = parts[parts.index("steps") + 2 :]
    words = [humanise(part) for part in parts if part != "with"]
    return " › ".join(words) or "The whole step"


def _overlay(old: Mapping[str, JSON], new: Mapping[str, JSON], parts: list[Section]) -> Drawing:
    """Draw the newer graph with the removed steps and connections still in it, all marked."""
    drawing = draw({"steps": _union(old, new, "steps"), "edges": _union(old, new, "edges")})
    marks: dict[str, str] = {}
    for part in parts:
        if part.step:
            root = part.step.split(".")[0]
            is_whole = part.step == root
            marks[root] = part.action if is_whole else marks.get(root, "changed")
    for node in drawing.nodes:
        mark = marks.get(node.entry.id)
        node.look = MARKS[mark] if mark else None
        if mark:
            node.sub = MARKS[mark].word
    return drawing


def _union(old: Mapping[str, JSON], new: Mapping[str, JSON], name: str) -> list[JSON]:
    present = new.get(name) if isinstance(new.get(name), list) else []
    gone = old.get(name) if isinstance(old.get(name), list) else []
    known = {_key(item) for item in present or ()}
    return [*(present or ()), *(item for item in gone or () if _key(item) not in known)]


def _key(item: JSON) -> JSON:
    if not isinstance(item, Mapping):
        return str(item)
    return str(item["id"]) if "id" in item else (str(item.get("from")), str(item.get("to")))
