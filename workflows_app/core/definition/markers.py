"""How a field of a step is read: as a value, a condition, or left alone.

A field without a marker is a value: `=CEL` and `{{ CEL }}` in it are evaluated when the step
runs. The markers below stand in `Annotated[...]` and say otherwise.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, StringConstraints

from workflows_app.core.durations import duration_parse


@dataclass(frozen=True, slots=True)
class Condition:
    """Bare CEL; `more` are variables that exist here beside the step's own.

    With `is_boolean` false the source may give any type; with `or_duration` a duration such as
    `1h` may stand in its place.
    """

    more: tuple[str, ...] = ()
    is_boolean: bool = True
    or_duration: bool = False


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A value that sees more variables, and is evaluated later than the step's settings."""

    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema; nothing in it is evaluated."""


@dataclass(frozen=True, slots=True)
class BodySpec:
    """A body `{steps, edges, output}`; `more` are variables that its steps see."""

    more: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepSpec:
    """A whole step inside another, with the variables that it sees.

    With `sees_earlier` it may name the steps that stand before it in the same list. With
    `is_handed_input` a tool or workflow that maps no input of its own is handed one.
    """

    more: tuple[str, ...] = ()
    sees_earlier: bool = False
    is_handed_input: bool = False


@dataclass(frozen=True, slots=True)
class Literal:
    """Fixed when the workflow is saved: names of models, tools, ports; nothing is evaluated."""


@dataclass(frozen=True, slots=True)
class People:
    """Assignees: `user:NAME`, `group:NAME`, or an expression that gives one."""


def _duration(text: str) -> str:
    if not text.startswith("="):
        duration_parse(text)
    return text


ExpressionText = Annotated[str, StringConstraints(pattern=r"^=[^=]")]
Duration = Annotated[str, AfterValidator(_duration), Literal()]
DurationValue = Annotated[str, AfterValidator(_duration)]  # or an expression that gives one
ConditionText = Annotated[str, Condition()]
SchemaDocument = Annotated[dict[str, Any] | bool, Schema()]
BodyDocument = Annotated[dict[str, Any], BodySpec()]
StepDocument = Annotated[dict[str, Any], StepSpec()]
Fixed = Annotated[str, Literal()]
