"""Tools written in Python.

```python
@tool("orders.lookup", effect="none")
def orders_lookup(id: str) -> Order:
    \"\"\"Give an order by its number.\"\"\"
```

The schemas come from the signature. A parameter annotated `ToolCall` is no argument: it gives
the call's idempotency key and deadline. Any installed app may bring a module named `tools`.
"""

import hashlib
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from workflows_app.agents.core.tool_spec import TOOL_NAME, ToolSpec
from workflows_app.core.canonical import digest
from workflows_app.core.durations import duration_parse
from workflows_app.core.states import Effect

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """What a tool may know of its call. `deadline` is a reading of `time.monotonic()`."""

    key: str
    run_id: str
    path: str
    workspace_id: str
    actor: str
    deadline: float
    is_cancelled: Callable[[], bool]


class ToolError(Exception):
    """The tool could not do it.

    Args:
        code: stable and short.
        retryable: another attempt may help.
        outcome_unknown: it may have happened all the same.
        retry_after: the shortest wait.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "tool_failed",
        retryable: bool = False,
        outcome_unknown: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown
        self.retry_after = retry_after


class InputRefused(Exception):
    """The arguments do not fit the signature."""


@dataclass(frozen=True)
class PythonTool:
    """A registered function with what was declared of it."""

    name: str
    function: Callable[..., Any]
    effect: Effect
    is_idempotent: bool
    timeout: float
    undo: Mapping[str, JSON] | None

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return typing.get_type_hints(self.function, include_extras=True)

    @cached_property
    def _context_name(self) -> str | None:
        return next((name for name, hint in self._hints.items() if hint is ToolCall), None)

    @cached_property
    def arguments(self) -> type[BaseModel]:
        """The signature as a model."""
        fields: dict[str, Any] = {}
        for name, parameter in inspect.signature(self.function).parameters.items():
            if name == self._context_name:
                continue
            if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                raise TypeError(f"the tool {self.name} must name its arguments")
            given = ... if parameter.default is parameter.empty else parameter.default
            fields[name] = (self._hints.get(name, Any), given)
        return create_model("Arguments", __config__=ConfigDict(extra="forbid"), **fields)

    @cached_property
    def result(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._hints.get("return", Any))

    @cached_property
    def spec(self) -> ToolSpec:
        """What the rest of the product knows of it."""
        described = inspect.cleandoc(self.function.__doc__ or "").split("\n\n")[0]
        schemas = (self.arguments.model_json_schema(), self._output())
        declared = [self.name, described, *schemas, self.effect.value, self.is_idempotent]
        return ToolSpec(
            name=self.name,
            source="python",
            description=" ".join(described.split()),
            version=digest([*declared, _source_digest(self.function)])[:16],
            input=_untitled(schemas[0]),
            output=_untitled(schemas[1]),
            effect=self.effect,
            is_idempotent=self.is_idempotent,
            timeout=self.timeout,
            undo=self.undo,
        )

    def _output(self) -> JSON:
        return self.result.json_schema(mode="serialization")

    def call(self, arguments: Mapping[str, JSON], context: ToolCall) -> JSON:
        """Run the function and give its result as JSON.

        Raises:
            InputRefused: the arguments do not fit.
        """
        try:
            checked = self.arguments.model_validate(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise InputRefused(f"{place or 'the arguments'}: {first['msg']}") from None
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        if self._context_name:
            values[self._context_name] = context
        given = self.function(**values)
        # A result that is not what it was declared to be is the schema check's to refuse.
        return self.result.dump_python(given, mode="json", warnings="none")


def _source_digest(function: Callable[..., Any]) -> str:
    try:
        source = inspect.getsource(function)
    except OSError:
        source = function.__qualname__
    return hashlib.sha256(source.encode()).hexdigest()


def _untitled(schema: JSON) -> JSON:
    """Drop the titles that pydantic makes up from names."""
    if isinstance(schema, list):
        return [_untitled(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: _untitled(part) for name, part in value.items()}
        if key in ("properties", "$defs") and isinstance(value, dict)
        else _untitled(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }


_TOOLS: dict[str, PythonTool] = {}


def tool(
    name: str,
    *,
    effect: Literal["none", "reversible", "irreversible"] = "irreversible",
    idempotent: bool = False,
    undo: str | Mapping[str, JSON] | None = None,
    timeout: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as a tool; the function itself stays as it is.

    Args:
        effect: what a call may change; none declared means irreversible.
        idempotent: a repeat with the same key changes nothing more.
        undo: `{"tool", "arguments"}`, where the arguments may name `output`; a name alone means
            a tool that takes the `id` of what this one gave.
        timeout: for one attempt, such as "30s".

    Raises:
        ValueError: a bad name, or another function has it already.
    """
    if not TOOL_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a tool")

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        known = _TOOLS.get(name)
        place = (function.__module__, function.__qualname__)
        if known and (known.function.__module__, known.function.__qualname__) != place:
            raise ValueError(f"there is already a tool named {name}")
        _TOOLS[name] = PythonTool(
            name=name,
            function=function,
            effect=Effect(effect),
            is_idempotent=idempotent,
            timeout=duration_parse(timeout).total_seconds() if timeout else 0.0,
            undo=_undo(undo),
        )
        return function

    return register


def _undo(undo: str | Mapping[str, JSON] | None) -> Mapping[str, JSON] | None:
    if isinstance(undo, str):
        return {"tool": undo, "arguments": {"id": "=output.id"}}
    return undo


def python_tools() -> dict[str, PythonTool]:
    """Give all registered functions by name."""
    return dict(_TOOLS)


def python_tool(name: str) -> PythonTool | None:
    """Give the function of that name, or None."""
    return _TOOLS.get(name)
