"""Which parts of the data an expression needs, so that nothing else is converted for it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from workflows_app.core.expressions.syntax import Node

JSON = Any
Path = tuple[str, ...]  # a variable, then the keys that are asked of it


@dataclass(slots=True)
class Wanted:
    """A part of the data: all of it, or some of its keys, or only whether it is there."""

    is_whole: bool = False
    keys: dict[str, "Wanted"] = field(default_factory=dict)

    def add(self, path: Path, *, whole: bool) -> None:
        """Want what lies at `path`; with `whole` false only whether it is there."""
        node = self
        for key in path:
            if node.is_whole:
                return
            node = node.keys.setdefault(key, Wanted())
        if whole:
            node.is_whole = True
            node.keys.clear()


@dataclass(frozen=True, slots=True)
class Use:
    """One place where data is named: `path`, and the chain's first node."""

    path: Path
    root: Node
    is_test: bool
    is_result: bool  # it goes into the result as it is


def chain(node: Node) -> tuple[Node, Path] | None:
    """Give the first node and the path of `a.b["c"].?d`, or None for anything else."""
    keys: list[str] = []
    while True:
        if node.kind == "ident":
            return node, (node.name, *reversed(keys))
        if node.kind == "select":
            keys.append(node.name)
        elif _is_lookup(node):
            keys.append(node.args[1].value)
        else:
            return None
        node = node.args[0]


def _is_lookup(node: Node) -> bool:
    return (
        node.kind == "call"
        and node.name in ("_[_]", "_?._", "_[?_]")
        and node.args[1].kind == "const"
        and node.args[1].type == "string"
    )


def uses(
    node: Node, bound: frozenset[str] = frozenset(), *, is_result: bool = True
) -> Iterator[Use]:
    """Give every place of a tree that names data from outside."""
    found = chain(node)
    if found is not None:
        root, path = found
        if root.name not in bound:
            is_test = node.kind == "select" and node.is_test
            yield Use(path, root, is_test, is_result and not is_test)
        return
    if node.kind == "fold":
        yield from _fold_uses(node, bound)
        return
    for index, inner in enumerate(node.args):
        yield from uses(inner, bound, is_result=is_result and _passes_on(node, index))


def _fold_uses(node: Node, bound: frozenset[str]) -> Iterator[Use]:
    source, init, condition, step, result = node.args
    inside = bound | {*node.names, node.accu}
    yield from uses(source, bound, is_result=False)
    yield from uses(init, bound, is_result=False)
    for part in (condition, step):
        yield from uses(part, inside, is_result=False)
    yield from uses(result, bound | {node.accu}, is_result=False)


def _passes_on(node: Node, index: int) -> bool:
    if node.kind == "list":
        return True
    if node.kind == "map":
        return index % 2 == 1
    if node.kind == "call" and node.name == "_?_:_":
        return index > 0
    return node.kind == "call" and node.name in ("orValue", "or")
