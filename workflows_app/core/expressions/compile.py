"""Compile CEL once, evaluate it often, and never let an error pass for a value."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

from workflows_app.core.canonical import number_normalise
from workflows_app.core.expressions.check import tree_check
from workflows_app.core.expressions.cost import cost_check, may_grow
from workflows_app.core.expressions.paths import Path, Use, Wanted, uses
from workflows_app.core.expressions.problems import ExpressionError, ExpressionProblem
from workflows_app.core.expressions.syntax import Node, tree_read
from workflows_app.core.expressions.values import Collector, part_convert, passed_convert

JSON = Any
Values = Mapping[str, JSON | Callable[[], JSON]]
SOURCE_LIMIT = 2_000  # bytes
_EXTENSIONS = ("optional", "strings", "math", "bindings", "lists", "sets")
_PASSED = "passed__"  # prefix of a variable whose values only go into the result
_MESSAGE = re.compile(r"ERROR: [^:]*:(\d+):(\d+): ([^\n]*)")
_ABSENT: dict[str, JSON] = {"previous": {}}  # the others are null where they do not exist


class Expression:
    """One compiled CEL expression; `refs` and `states` are the steps and states that it names."""

    __slots__ = (
        "_grows", "_passed", "_program", "_tree", "_wanted", "refs", "source", "states",
        "variables",
    )  # fmt: skip

    def __init__(self, source: str, variables: frozenset[str], *, is_condition: bool) -> None:
        self.source = source
        program = _program(source, variables)
        tree = tree_read(program.serialize())
        found = list(uses(tree))
        tree_check(source, tree, found, is_condition=is_condition)
        self.refs = frozenset(use.path[1] for use in found if use.path[0] == "steps")
        self.states = frozenset(
            use.path[1] for use in found if use.path[0] == "states" and len(use.path) > 1
        )
        self.variables = frozenset(use.path[0] for use in found)
        passed = [] if is_condition else [use for use in found if use.is_result]
        if passed:
            program = _program(_rename(source, passed), variables | _renamed(variables))
        self._program = program
        self._tree: Node | None = tree if may_grow(tree) else None
        self._wanted = _wanted(use for use in found if use not in passed)
        self._passed = _wanted(passed)

    def raw(self, values: Values) -> tuple[Any, list[JSON]]:
        """Evaluate; gives what CEL gave and the values that bytes in it stand for.

        Raises:
            ExpressionError: the evaluation failed or would cost too much.
        """
        kept: list[JSON] = []
        data = {name: part_convert(_value(values, name), part) for name, part in self._wanted}
        if self._tree is not None:
            cost_check(self._tree, data)
        for name, part in self._passed:
            data[_PASSED + name] = passed_convert(_value(values, name), part, kept)
        try:
            value = self._program.eval(data=data)
            if value.type() == cel.Type.ERROR:
                raise ExpressionError("expression_failed", _explain(value.plain_value()))
            return value.plain_value(), kept
        except (TypeError, SystemError) as error:  # an optional inside a list or object
            raise ExpressionError("expression_not_json", "part of the result is missing") from error
        except RuntimeError as error:
            raise ExpressionError("expression_failed", _explain(error)) from error


class Condition(Expression):
    """A bare CEL source that gives true or false."""

    __slots__ = ()

    def evaluate(self, values: Values) -> bool:
        """Tell whether the condition holds.

        Raises:
            ExpressionError: it failed, or gave something that is neither true nor false.
        """
        result, _ = self.raw(values)
        if type(result) is not bool:
            raise ExpressionError("expression_not_boolean", "the condition gave no true or false")
        return result


class Value(Expression):
    """A CEL source of any type."""

    __slots__ = ()

    def evaluate(self, values: Values) -> JSON:
        """Give the value as JSON, whole numbers as integers.

        Raises:
            ExpressionError: it failed, is too large, or is not JSON.
        """
        result, kept = self.raw(values)
        return Collector(kept).json(result)


class PathValue:
    """A bare path such as `input.items`: looked up, never converted, of any size."""

    __slots__ = ("path", "refs", "source", "states", "variables")

    def __init__(self, source: str, path: Path) -> None:
        self.source = source
        self.path = path
        self.refs = frozenset(path[1:2] if path[0] == "steps" else ())
        self.states = frozenset(path[1:2] if path[0] == "states" else ())
        self.variables = frozenset(path[:1])

    def evaluate(self, values: Values) -> JSON:
        """Give what lies there; the output or error that a step does not have is null.

        Raises:
            ExpressionError: there is nothing there.
        """
        value = _value(values, self.path[0])
        for depth, key in enumerate(self.path[1:], 1):
            if not isinstance(value, Mapping) or key not in value:
                if depth == 2 and self.path[0] == "steps" and len(self.path) == 3:
                    return None
                raise ExpressionError("expression_failed", self._missing(depth))
            value = value[key]
        return number_normalise(value) if type(value) is float else value

    def _missing(self, depth: int) -> str:
        there, key = ".".join(self.path[:depth]), self.path[depth]
        return f"{there} has no {key!r}: write {there}.?{key}.orValue(...) where it may be missing"


@lru_cache(maxsize=8_192)
def _condition(source: str, variables: frozenset[str]) -> Condition:
    return Condition(source, variables, is_condition=True)


@lru_cache(maxsize=8_192)
def _value_compile(source: str, variables: frozenset[str]) -> Value | PathValue:
    compiled = Value(source, variables, is_condition=False)
    path = _bare_path(source)
    return PathValue(source, path) if path else compiled


def compile_condition(source: str, variables: Collection[str]) -> Condition:
    """Compile a bare CEL source that must be true or false.

    Args:
        variables: the names that it may use.

    Raises:
        ExpressionProblem: with line and column.
    """
    return _condition(source, frozenset(variables))


def compile_expression(source: str, variables: Collection[str]) -> Value | PathValue:
    """Compile a bare CEL source of any type.

    Raises:
        ExpressionProblem: with line and column.
    """
    return _value_compile(source, frozenset(variables))


_BARE = re.compile(r"\s*[A-Za-z_]\w*(\s*\.\s*[A-Za-z_]\w*)*\s*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "in"})


def _bare_path(source: str) -> Path | None:
    if not _BARE.fullmatch(source):
        return None
    path = tuple(part.strip() for part in source.split("."))
    return None if path[0] in _WORDS else path


@lru_cache(maxsize=256)
def _environment(variables: frozenset[str]) -> cel.Env:
    lines = "".join(f"  - name: {name}\n" for name in _EXTENSIONS)
    config = cel.NewEnvConfigFromYaml(f"extensions:\n{lines}")
    return cel.NewEnv(config=config, variables=dict.fromkeys(sorted(variables), cel.Type.DYN))


def _program(source: str, variables: frozenset[str]) -> cel.Expression:
    if len(source.encode("utf-8", "replace")) > SOURCE_LIMIT:
        raise ExpressionProblem(
            "expression_too_long", f"an expression has at most {SOURCE_LIMIT} bytes"
        )
    if not source.strip():
        raise ExpressionProblem("expression_syntax", "the expression is empty")
    if not source.isprintable() and re.search(r"[\x00\ud800-\udfff]", source):
        raise ExpressionProblem("expression_syntax", "the expression holds a broken character")
    try:
        return _environment(variables).compile(source)
    except RuntimeError as error:
        raise _problem(source, str(error), variables) from None


def _problem(source: str, text: str, variables: frozenset[str]) -> ExpressionProblem:
    found = _MESSAGE.search(text)
    if found is None:
        deep = "recursion" in text
        message = "nested too deeply" if deep else text.split("\n", maxsplit=1)[0][:200]
        return ExpressionProblem("expression_too_deep" if deep else "expression_syntax", message)
    line, column, message = int(found[1]), int(found[2]), found[3]
    unknown = re.match(r"undeclared reference to '([^']*)'", message)
    if unknown:
        message = _unknown(source, line, column, unknown[1], variables)
        return ExpressionProblem("expression_unknown_name", message, line, column)
    if "no matching overload" in message:
        message = message.replace(" (in container '')", "") + _overload_hint(message)
        return ExpressionProblem("expression_type", message, line, column)
    message = re.sub(r"^Syntax error: ", "", message)
    message = re.sub(
        r"(mismatched|extraneous|no viable alternative at) input", "unexpected", message
    )
    message = re.sub(r" expecting .*", "", message).replace("'<EOF>'", "end")
    return ExpressionProblem("expression_syntax", message[:300], line, column)


def _unknown(source: str, line: int, column: int, name: str, variables: frozenset[str]) -> str:
    if source.split("\n")[line - 1][column - 1 : column] == "(":
        return f"there is no function {name}"
    return f"nothing is called {name} here; there are: {', '.join(sorted(variables))}"


def _overload_hint(message: str) -> str:
    if "'_%_'" in message:
        return ": % wants integers, int(...)"
    if "double" in message and "int" in message:
        return ": numbers of the data are doubles, write 2.0 instead of 2"
    return ""


def _explain(error: object) -> str:
    text = re.sub(r"^[A-Z_]+: ", "", str(error).split("\n")[0])
    text = re.sub(r" \[[A-Z_]+\]$", "", text)
    if text.startswith("Iteration budget"):
        return "its loops take more than 10,000 turns"
    return text[:300]


def _wanted(found: Any) -> tuple[tuple[str, Wanted], ...]:
    roots: dict[str, Wanted] = {}
    for use in sorted(found, key=lambda use: not use.is_test):
        name, *keys = use.path
        roots.setdefault(name, Wanted()).add(tuple(keys), whole=not use.is_test)
    return tuple(roots.items())


def _renamed(variables: frozenset[str]) -> frozenset[str]:
    return frozenset(_PASSED + name for name in variables)


def _rename(source: str, passed: list[Use]) -> str:
    """Give the source with the first name of these paths replaced by that of its twin."""
    for position in sorted((use.root.position for use in passed), reverse=True):
        start = position + (source[position : position + 1] == ".")
        source = f"{source[:start]}{_PASSED}{source[start:]}"
    return source


def _value(values: Values, name: str) -> JSON:
    value = values.get(name, _ABSENT.get(name))
    return value() if callable(value) else value
