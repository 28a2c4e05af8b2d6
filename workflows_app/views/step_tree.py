"""The steps of a run as a tree: what the version has, and what the run made of it."""

import re
from dataclasses import dataclass, field
from typing import Any

from workflows_app.models import StepRun
from workflows_app.views.looks import humanise, look_of
from workflows_app.views.outline import Entry, outline

INDEXED = re.compile(r"^(?P<base>.*)\[(?P<index>\d+)\]$")
CHILDREN_SHOWN = 24  # of one step; the rest is a link away


@dataclass
class TreeNode:
    """One line of the tree. `step` is None for what is pending, and for an item as a whole."""

    path: str
    name: str
    kind: str
    step: StepRun | None = None
    depth: int = 0
    children: list["TreeNode"] = field(default_factory=list)
    hidden: int = 0  # children that are not shown

    @property
    def state(self) -> str:
        if self.step is not None:
            return self.step.state
        return worst([child.state for child in self.children]) if self.children else "pending"

    @property
    def reason(self) -> str | None:
        return self.step.reason if self.step is not None else None

    @property
    def look(self) -> Any:
        return look_of("step", self.state, self.reason)

    @property
    def lasted(self) -> Any:
        """Give how long the step took, once it has ended."""
        if self.step is None or self.step.started_at is None or self.step.finished_at is None:
            return None
        return self.step.finished_at - self.step.started_at


def worst(states: list[str]) -> str:
    """Give the state that tells most of several."""
    for state in ("failed", "timed_out", "waiting", "running", "ready", "cancelled"):
        if state in states:
            return state
    return states[0] if states else "pending"


def tree(definition: Any, steps: list[StepRun], under: str = "") -> list[TreeNode]:
    """Give the lines of the tree in order, each with its depth.

    Args:
        steps: current step runs, in the order in which they came about.
        under: show only what is below this path, all of it.
    """
    nodes: dict[str, TreeNode] = {}
    roots: list[TreeNode] = []
    entries = {entry.path: entry for entry in _entries(outline(definition))}
    if not under:
        for entry in outline(definition):
            nodes[entry.path] = TreeNode(entry.path, entry.name, entry.kind)
            roots.append(nodes[entry.path])
    for step in steps:
        node = _node(step.path, nodes, roots, entries, under)
        node.step, node.kind = step, _kind(step, entries)
    return [line for root in roots for line in _lines(root, 0, whole=bool(under))]


def _entries(found: list[Entry]) -> list[Entry]:
    inner = [one for entry in found for body in entry.bodies for one in _entries(body.entries)]
    return [*found, *inner]


def _kind(step: StepRun, entries: dict[str, Entry]) -> str:
    """Show a composite as what was drawn, not as what it expands into."""
    drawn = entries.get(re.sub(r"\[\d+\]", "", step.path))
    return drawn.kind if drawn is not None else step.kind


def _node(
    path: str,
    nodes: dict[str, TreeNode],
    roots: list[TreeNode],
    entries: dict[str, Entry],
    under: str,
) -> TreeNode:
    """Give the node at a path, made with all that is above it."""
    if path in nodes:
        return nodes[path]
    indexed = INDEXED.match(path)
    if indexed:
        parent, name, kind = indexed["base"], f"#{int(indexed['index'])}", "item"
    else:
        parent, _, last = path.rpartition(".")
        drawn = entries.get(re.sub(r"\[\d+\]", "", path))
        name = drawn.name if drawn else humanise(last)
        kind = drawn.kind if drawn else ""
    node = TreeNode(path, name, kind)
    nodes[path] = node
    if parent and parent != under:
        _node(parent, nodes, roots, entries, under).children.append(node)
    else:
        roots.append(node)
    return node


def _lines(node: TreeNode, depth: int, *, whole: bool) -> list[TreeNode]:
    node.depth = depth
    shown = node.children if whole else node.children[:CHILDREN_SHOWN]
    node.hidden = len(node.children) - len(shown)
    return [node, *(line for child in shown for line in _lines(child, depth + 1, whole=whole))]
