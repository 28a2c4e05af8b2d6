"""What the library's own type check does not say about an expression."""

from collections.abc import Iterator

from workflows_app.core.expressions.cost import LOOP_DEPTH, loop_depth
from workflows_app.core.expressions.paths import Use
from workflows_app.core.expressions.problems import ExpressionProblem
from workflows_app.core.expressions.syntax import Node

_ARITHMETIC = {"_+_": "+", "_-_": "-", "_*_": "*", "_/_": "/", "_%_": "%"}
_REFUSED = {
    "bytes": "bytes are not JSON",
    "lists.range": "write the list, or let a map or loop step count",
    "base64.encode": "bytes are not JSON",
    "base64.decode": "bytes are not JSON",
}
_COUNTS = frozenset({"size", "indexOf", "lastIndexOf"})


def place(source: str, offset: int) -> tuple[int, int]:
    """Give line and column, from 1, of a character of the source."""
    before = source[:offset]
    line = before.count("\n") + 1
    return line, offset - (before.rfind("\n") + 1) + 1


def tree_check(source: str, tree: Node, uses: list[Use], *, is_condition: bool) -> None:
    """Refuse what can never evaluate well, or not within bounds.

    Raises:
        ExpressionProblem: the first one found.
    """
    for code, message, position in _problems(tree, uses, is_condition=is_condition):
        raise ExpressionProblem(code, message, *place(source, position))


def _problems(tree: Node, uses: list[Use], *, is_condition: bool) -> Iterator[tuple[str, str, int]]:
    if tree.type == "optional":
        yield (
            "expression_optional",
            "the value may be missing: end it with .orValue(...)",
            tree.position,
        )
    if is_condition and tree.type not in ("bool", "dyn"):
        yield (
            "expression_type",
            f"a condition must be true or false; this is {_article(tree.type)}",
            tree.position,
        )
    if loop_depth(tree) > LOOP_DEPTH:
        yield (
            "expression_too_deep",
            f"more than {LOOP_DEPTH} loops inside each other: use a map or loop step",
            tree.position,
        )
    for use in uses:
        if use.path[0] == "steps" and len(use.path) == 1:
            yield "expression_steps", "name the step: steps.<id>.output", use.root.position
    for node in tree.walk():
        yield from _node_problems(node)


def _node_problems(node: Node) -> Iterator[tuple[str, str, int]]:
    if node.kind == "const" and node.type == "bytes":
        yield "expression_function", "bytes are not JSON: write a text", node.position
    if node.kind == "map" and node.name:
        yield "expression_function", f"there are no messages here: {node.name}", node.position
    if node.kind != "call":
        return
    if node.name in _REFUSED:
        yield (
            "expression_function",
            f"{node.name} is not available: {_REFUSED[node.name]}",
            node.position,
        )
    if node.name in _ARITHMETIC and len(node.args) == 2:
        yield from _integer_problems(node)


def _integer_problems(node: Node) -> Iterator[tuple[str, str, int]]:
    """Numbers of the data are doubles, and CEL never adds an int to a double."""
    left, right = node.args
    for one, other in ((left, right), (right, left)):
        literal = _int_literal(one)
        if literal is not None and (other.type == "dyn" or literal is not one):
            yield "expression_integer", _integer_fix(node, literal, other), literal.position
        elif one.type == "int" and _is_count(one) and other.type == "dyn":
            yield (
                "expression_integer",
                "numbers of the data are doubles: wrap the count, double(size(...))",
                one.position,
            )


def _integer_fix(node: Node, literal: Node, other: Node) -> str:
    if node.name == "_%_":
        return f"numbers of the data are doubles, and % wants integers: int(...) % {literal.value}"
    return f"numbers of the data are doubles: write {literal.value}.0 instead of {literal.value}"


def _int_literal(node: Node) -> Node | None:
    """Find an integer written where the value of `node` may come from."""
    if node.kind == "const" and node.type == "int":
        return node
    if node.kind == "call" and node.name == "orValue" and node.args[0].type in ("optional", "dyn"):
        return _int_literal(node.args[1])
    if node.kind == "call" and node.name == "_?_:_" and node.type == "dyn":
        return _int_literal(node.args[1]) or _int_literal(node.args[2])
    if node.kind == "call" and node.name == "-_":
        return _int_literal(node.args[0])
    return None


def _is_count(node: Node) -> bool:
    return node.kind == "call" and node.name in _COUNTS


def _article(kind: str) -> str:
    return {"int": "an integer", "string": "a text", "double": "a number"}.get(kind, f"a {kind}")
