"""What an evaluation may cost at most, computed before it begins.

The library cannot be interrupted: it counts the turns of loops (10,000 for one evaluation),
but neither the size of what they build nor the work of one turn, so that twenty doublings of
a list take gigabytes. This bound is computed from the tree and the sizes of the data that it
names; it is the same on every machine, so a run that was once recorded stays as it was.

A size is (units, count): about one unit for each character or scalar, and the number of
elements or characters that a loop may walk over. Sizes of a loop's element are bounded twice,
as nothing and as the whole list: every rule is convex, so the sum over the elements lies below
(n - 1) * cost(nothing) + cost(the whole list).
"""

from collections.abc import Callable, Mapping
from typing import Any

from workflows_app.core.expressions.paths import chain
from workflows_app.core.expressions.problems import ExpressionError
from workflows_app.core.expressions.syntax import Node

Size = tuple[float, float]
TURNS = 10_000  # of all loops of one evaluation, counted by the library
BUILT = 5_000  # elements that a loop which builds a list may walk over
WORK = 20_000_000  # units: about half a second
SIZE = 16_000_000  # units that an intermediate value may have
LOOP_DEPTH = 3
_SCALAR: Size = (1, 0)
_NOTHING: Size = (0, 0)
_GROWING = frozenset({"_+_", "replace", "join", "format", "split", "flatten", "distinct", "sort"})
_SCANS = frozenset(
    {"_in_", "@in", "_==_", "_!=_", "contains", "matches", "startsWith", "endsWith", "indexOf"}
    | {"lastIndexOf", "sets.contains", "sets.equivalent", "sets.intersects", "size"}
)
_SCALARS = frozenset(
    {"_-_", "_*_", "_/_", "_%_", "-_", "!_", "_<_", "_<=_", "_>_", "_>=_", "_&&_", "_||_"}
    | {"@not_strictly_false", "int", "uint", "double", "bool", "timestamp", "duration", "hasValue"}
)


def may_grow(tree: Node) -> bool:
    """Tell whether an evaluation may cost much more than the data is large."""
    return any(
        node.kind == "fold"
        or (node.kind == "call" and node.name in _GROWING and node.type not in ("int", "double"))
        for node in tree.walk()
    )


def loop_depth(tree: Node) -> int:
    """Give how many loops stand inside each other (a loop over a loop's result is beside it)."""
    if tree.kind != "fold":
        return max((loop_depth(inner) for inner in tree.args), default=0)
    source, _, condition, step, result = tree.args
    body = max(loop_depth(condition), loop_depth(step))
    beside = max(loop_depth(source), loop_depth(result), loop_depth(tree.args[1]))
    return max(beside, body if _is_binding(tree) else body + 1)


def cost_check(tree: Node, data: Mapping[str, Any]) -> None:
    """Make sure that evaluating `tree` on `data` stays within bounds.

    Raises:
        ExpressionError: `expression_too_large`.
    """
    meter = _Meter(data)
    meter.visit(tree, {})
    if meter.work > WORK:
        raise _too_large("it would take too much work: let it walk over smaller lists or texts")


def measure(value: Any) -> Size:
    """Give the size of a value."""
    if isinstance(value, str):
        return (len(value) + 1, len(value))
    if isinstance(value, list):
        return (sum(measure(item)[0] for item in value) + 1, len(value))
    if isinstance(value, dict):
        units = sum(len(key) + measure(item)[0] for key, item in value.items())
        return (units + 1, len(value))
    return _SCALAR


def _too_large(why: str) -> ExpressionError:
    return ExpressionError("expression_too_large", f"the expression is refused: {why}")


def _is_binding(fold: Node) -> bool:
    source = fold.args[0]
    return source.kind == "list" and not source.args


class _Meter:
    """Walks a tree once (a loop's body twice), adding up the work."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.work = 0.0
        self.sizes: dict[tuple[str, ...], Size] = {}

    def visit(self, node: Node, bound: dict[str, Size]) -> Size:
        found = chain(node)
        if found is not None:
            root, path = found
            size = bound.get(root.name) or self._data_size(path)
        else:
            size = self._shapes[node.kind](self, node, bound)
        self.work += 1
        if size[0] > SIZE:
            raise _too_large("a value on the way to the result would be too large")
        return size

    def _data_size(self, path: tuple[str, ...]) -> Size:
        if path not in self.sizes:
            value: Any = self.data
            for key in path:
                value = value.get(key) if isinstance(value, Mapping) else None
            self.sizes[path] = measure(value)
        return self.sizes[path]

    def _const(self, node: Node, bound: dict[str, Size]) -> Size:
        return measure(node.value)

    def _inner(self, node: Node, bound: dict[str, Size]) -> Size:
        return self.visit(node.args[0], bound)

    def _literal(self, node: Node, bound: dict[str, Size]) -> Size:
        sizes = [self.visit(inner, bound) for inner in node.args]
        return (sum(size[0] for size in sizes) + len(sizes) + 1, len(sizes))

    def _call(self, node: Node, bound: dict[str, Size]) -> Size:
        sizes = [self.visit(inner, bound) for inner in node.args]
        units = sum(size[0] for size in sizes)
        if node.name in _SCALARS:
            return _SCALAR
        if node.name in _SCANS:
            self.work += units
            return _SCALAR
        if node.name == "_+_" and node.type in ("int", "double"):
            return _SCALAR
        grow = _RULES.get(node.name)
        size = grow(node, sizes) if grow else (units, units)
        self.work += size[0]
        if node.name == "distinct":
            self.work += sizes[0][1] ** 2
        return size

    def _fold(self, node: Node, bound: dict[str, Size]) -> Size:
        source, init, _, step, result = node.args
        if _is_binding(node):
            return self.visit(result, bound | {node.accu: self.visit(init, bound)})
        walked = self.visit(source, bound)
        turns = min(walked[1], TURNS)
        builds = init.kind == "list"
        if builds and turns > BUILT:
            raise _too_large(
                f"a loop that builds a list walks over {walked[1]:.0f}; the limit is {BUILT}"
            )
        bare = bound | {node.accu: _NOTHING}
        empty, work_empty = self._turn(step, bare | dict.fromkeys(node.names, _NOTHING))
        whole = (walked[0], walked[0])
        full, work_full = self._turn(step, bare | dict.fromkeys(node.names, whole))
        rest = max(turns - 1, 0)
        self.work += rest * work_empty + work_full
        if not builds:
            return _SCALAR
        self.work += turns * turns / 2  # each turn copies the list so far
        return (rest * (empty[0] + 1) + full[0] + 1, turns)

    def _turn(self, step: Node, bound: dict[str, Size]) -> tuple[Size, float]:
        before, self.work = self.work, 0.0
        size = self.visit(step, bound)
        work, self.work = self.work, before
        return size, work

    _shapes: Mapping[str, Callable[..., Size]] = {
        "const": _const,
        "ident": _inner,
        "select": _inner,
        "call": _call,
        "list": _literal,
        "map": _literal,
        "fold": _fold,
    }


def _sum(node: Node, sizes: list[Size]) -> Size:
    return (sum(size[0] for size in sizes), sum(size[1] for size in sizes))


def _either(node: Node, sizes: list[Size]) -> Size:
    return (max(size[0] for size in sizes), max(size[1] for size in sizes))


def _replace(node: Node, sizes: list[Size]) -> Size:
    units = sizes[0][0] * (1 + sizes[2][0])
    return (units, units)


def _join(node: Node, sizes: list[Size]) -> Size:
    separator = sizes[1][0] if len(sizes) > 1 else 0
    units = sizes[0][0] + sizes[0][1] * separator
    return (units, units)


def _format(node: Node, sizes: list[Size]) -> Size:
    pattern = node.args[0]
    text = pattern.value if pattern.kind == "const" else None
    places = text.count("%") if isinstance(text, str) else sizes[0][1]
    each = sizes[1][0] * 2 + (1_000 if text is None or "%." in text else 32)
    units = sizes[0][0] + places * each
    return (units, units)


def _split(node: Node, sizes: list[Size]) -> Size:
    return (sizes[0][0] * 4, sizes[0][1] + 1)


def _same(node: Node, sizes: list[Size]) -> Size:
    return sizes[0]


_RULES: dict[str, Callable[[Node, list[Size]], Size]] = {
    "_+_": _sum,
    "_?_:_": _either,
    "orValue": _either,
    "or": _either,
    "replace": _replace,
    "join": _join,
    "format": _format,
    "split": _split,
    "sort": _same,
    "reverse": _same,
    "slice": _same,
    "distinct": _same,
}
