"""Texts with `{{ CEL }}` in them, and JSON in which strings that start with `=` are CEL."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workflows_app.core.expressions.compile import PathValue, Value, Values, compile_expression
from workflows_app.core.expressions.problems import ExpressionProblem
from workflows_app.core.strict_json import pointer_escape

JSON = Any
_TOKEN = re.compile(
    r"""(?P<quote>r?(?:\"{3}|'{3}|["']))|(?P<open>\{)|(?P<end>\}\})|(?P<close>\})""", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Constant:
    """A part of JSON in which nothing is evaluated."""

    value: JSON
    refs: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    states: frozenset[str] = frozenset()

    def evaluate(self, values: Values) -> JSON:
        """Give the value itself."""
        return self.value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with expressions in it; always gives text."""

    parts: tuple[str | Value | PathValue, ...]
    refs: frozenset[str]
    variables: frozenset[str]
    states: frozenset[str]

    def evaluate(self, values: Values) -> str:
        """Give the text: texts as they are, null as nothing, anything else as JSON.

        Raises:
            ExpressionError: one of the expressions failed.
        """
        return "".join(
            part if isinstance(part, str) else text_of(part.evaluate(values)) for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Composite:
    """A list or object with something to evaluate in it."""

    items: tuple["Rendered", ...]
    keys: tuple[str, ...] | None
    refs: frozenset[str]
    variables: frozenset[str]
    states: frozenset[str]

    def evaluate(self, values: Values) -> JSON:
        """Give the list or object with everything in it evaluated.

        Raises:
            ExpressionError: one of the expressions failed.
        """
        items = [item.evaluate(values) for item in self.items]
        return items if self.keys is None else dict(zip(self.keys, items, strict=True))


Rendered = Constant | Template | Composite | Value | PathValue


def compile_value(value: JSON, variables: Collection[str]) -> Rendered:
    """Compile JSON: `=CEL` is a value, `==text` plain text, `{{ CEL }}` goes into the text.

    Raises:
        ExpressionProblem: of the first expression that is wrong.
    """
    names = frozenset(variables)
    if isinstance(value, str):
        return _text_compile(value, names)
    if isinstance(value, list):
        return _composite([compile_value(item, names) for item in value], None, value)
    if isinstance(value, Mapping):
        items = [compile_value(item, names) for item in value.values()]
        return _composite(items, tuple(value), value)
    return Constant(value)


def has_expression(value: JSON) -> bool:
    """Tell whether anything in this JSON would be evaluated."""
    return next(expressions(value), None) is not None


def expressions(value: JSON, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Give each text that is evaluated with its JSON pointer."""
    if isinstance(value, str):
        if (value.startswith("=") and not value.startswith("==")) or (
            "{{" in value and not value.startswith("==")
        ):
            yield pointer, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from expressions(item, f"{pointer}/{index}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from expressions(item, f"{pointer}/{pointer_escape(str(key))}")


def text_of(value: JSON) -> str:
    """Give a value as it goes into a text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)


@lru_cache(maxsize=8_192)
def _text_compile(text: str, variables: frozenset[str]) -> Rendered:
    if text.startswith("=="):
        return Constant(text[1:])
    if text.startswith("="):
        return _moved(text[1:], variables, 1, 2)
    if "{{" not in text:
        return Constant(text)
    parts: list[str | Value | PathValue] = []
    for source, offset in _split(text):
        if offset is None:
            parts.append(source)
        else:
            line = text.count("\n", 0, offset) + 1
            column = offset - (text.rfind("\n", 0, offset) + 1) + 1
            parts.append(_moved(source, variables, line, column))
    compiled = [part for part in parts if not isinstance(part, str)]
    return Template(
        tuple(parts),
        frozenset().union(*(part.refs for part in compiled)),
        frozenset().union(*(part.variables for part in compiled)),
        frozenset().union(*(part.states for part in compiled)),
    )


def _moved(source: str, variables: frozenset[str], line: int, column: int) -> Value | PathValue:
    """Compile a source that begins at this place of a text, so that problems name the text's."""
    try:
        return compile_expression(source, variables)
    except ExpressionProblem as problem:
        if problem.line == 1:
            problem.column += column - 1
        problem.line += line - 1
        raise


def _split(text: str) -> Iterator[tuple[str, int | None]]:
    """Give the plain parts (offset None) and the sources with their offsets."""
    at = 0
    while (start := text.find("{{", at)) >= 0:
        if start > at:
            yield text[at:start], None
        end = _source_end(text, start + 2)
        yield text[start + 2 : end], start + 2
        at = end + 2
    if at < len(text):
        yield text[at:], None


def _source_end(text: str, start: int) -> int:
    """Find the `}}` that closes an expression, past texts and objects inside it."""
    depth, at = 0, start
    while found := _TOKEN.search(text, at):
        at = found.end()
        if found["quote"]:
            at = _text_end(text, found)
        elif found["open"]:
            depth += 1
        elif depth:
            depth -= 1
            at = found.start() + 1
        elif found["end"]:
            return found.start()
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) - 1
    raise ExpressionProblem("template_syntax", "{{ is never closed by }}", line, column)


def _text_end(text: str, found: re.Match[str]) -> int:
    quote = found["quote"]
    is_raw, mark = quote[0] in "rR", quote.lstrip("rR")
    at = found.end()
    while at < len(text):
        if text[at] == "\\" and not is_raw:
            at += 2
        elif text.startswith(mark, at):
            return at + len(mark)
        else:
            at += 1
    return len(text)


def _composite(items: list[Rendered], keys: tuple[str, ...] | None, value: JSON) -> Rendered:
    if all(isinstance(item, Constant) for item in items) and not has_plain_equals(value):
        return Constant(value)
    refs = frozenset().union(*(item.refs for item in items))
    names = frozenset().union(*(item.variables for item in items))
    states = frozenset().union(*(item.states for item in items))
    return Composite(tuple(items), keys, refs, names, states)


def has_plain_equals(value: JSON) -> bool:
    """Tell whether a `==` that stands for `=` is anywhere in this JSON."""
    if isinstance(value, str):
        return value.startswith("==")
    inner = value.values() if isinstance(value, Mapping) else value
    return isinstance(value, list | Mapping) and any(map(has_plain_equals, inner))
