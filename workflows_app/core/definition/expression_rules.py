"""Rules about expressions: they compile, and name only what exists before them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from workflows_app.core.definition.fields import Part
from workflows_app.core.definition.markers import (
    BodySpec,
    Condition,
    Evaluated,
    Schema,
    StepSpec,
)
from workflows_app.core.definition.problems import Findings
from workflows_app.core.durations import is_duration
from workflows_app.core.expressions.compile import compile_condition, compile_expression
from workflows_app.core.expressions.problems import ExpressionProblem
from workflows_app.core.expressions.templates import compile_value, expressions

JSON = Any
BASE_VARIABLES = frozenset({"input", "steps", "run", "feedback"})


@dataclass(frozen=True, slots=True)
class Names:
    """What an expression may name.

    Args:
        before: steps that are settled.
        existing: steps that exist at all.
        states: of the state machine around it.
    """

    variables: frozenset[str]
    before: frozenset[str]
    existing: frozenset[str]
    states: frozenset[str] = frozenset()


def part_check(
    part: Part, names: Names, findings: Findings, *, pointer: str, step: str | None
) -> None:
    """Check one part of a step's settings that is no body and no step."""
    where = pointer + part.pointer
    marker = part.marker
    if isinstance(marker, Schema):
        schema_check(part.value, findings, pointer=where, step=step)
    elif isinstance(marker, Condition) and isinstance(part.value, str):
        condition_check(part.value, marker, names, findings, pointer=where, step=step)
    elif marker is None or isinstance(marker, Evaluated):
        more = marker.more if isinstance(marker, Evaluated) else ()
        value_check(part.value, names, findings, pointer=where, step=step, more=more)
    elif not isinstance(marker, BodySpec | StepSpec | Condition):
        _literal_check(part.value, findings, pointer=where, step=step)


def condition_check(
    source: str,
    marker: Condition,
    names: Names,
    findings: Findings,
    *,
    pointer: str,
    step: str | None,
) -> None:
    """Compile bare CEL and check what it names."""
    if marker.or_duration and is_duration(source):
        return
    variables = names.variables.union(marker.more)
    compiler = compile_condition if marker.is_boolean else compile_expression
    try:
        compiled = compiler(source, variables)
    except ExpressionProblem as problem:
        message = str(problem)
        if source.startswith("="):
            message = f"a condition is bare CEL: leave the = away; {message}"
        findings.add(problem.code, message, pointer=pointer, step=step)
        return
    _refs_check(compiled, names, findings, pointer, step)


def value_check(
    value: JSON,
    names: Names,
    findings: Findings,
    *,
    pointer: str,
    step: str | None,
    more: tuple[str, ...] = (),
) -> None:
    """Compile every expression in a value and check what it names."""
    variables = names.variables.union(more)
    for where, text in expressions(value):
        try:
            compiled = compile_value(text, variables)
        except ExpressionProblem as problem:
            findings.add(problem.code, str(problem), pointer=pointer + where, step=step)
            continue
        _refs_check(compiled, names, findings, pointer + where, step)


def schema_check(
    schema: JSON, findings: Findings, *, pointer: str, step: str | None = None
) -> None:
    """Make sure that a JSON Schema is one, and refers to nothing outside itself."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        inner = "".join(f"/{part}" for part in error.absolute_path)
        message = f"not a JSON Schema: {error.message[:300]}"
        findings.add("bad_schema", message, pointer=pointer + inner, step=step)
        return
    outside = _outside_reference(schema)
    if outside is not None:
        message = f"a schema may refer only to itself (#/...), not to {outside[:100]}"
        findings.add("bad_schema", message, pointer=pointer, step=step)


def _outside_reference(schema: JSON) -> str | None:
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, Mapping):
            for key in ("$ref", "$dynamicRef"):
                target = part.get(key)
                if isinstance(target, str) and not target.startswith("#"):
                    return target
            pending.extend(part.values())
        elif isinstance(part, list):
            pending.extend(part)
    return None


class _Compiled(Protocol):
    """What is known of an expression before it is evaluated."""

    @property
    def refs(self) -> frozenset[str]: ...

    @property
    def states(self) -> frozenset[str]: ...


def _refs_check(
    compiled: _Compiled, names: Names, findings: Findings, pointer: str, step: str | None
) -> None:
    for state in sorted(compiled.states - names.states):
        message = f"there is no state {state} in this machine"
        findings.add("unknown_state", message, pointer=pointer, step=step)
    for ref in sorted(compiled.refs - names.before):
        if ref not in names.existing:
            message = f"there is no step {ref} here"
            findings.add("unknown_reference", message, pointer=pointer, step=step)
        else:
            message = f"{ref} is not settled before this: only steps before it may be named"
            findings.add("step_not_before", message, pointer=pointer, step=step)


def _literal_check(value: JSON, findings: Findings, *, pointer: str, step: str | None) -> None:
    """An expression where nothing is evaluated would go unnoticed."""
    if isinstance(value, str) and value.startswith("=") and not value.startswith("=="):
        message = "this is fixed when the workflow is saved: nothing is evaluated here"
        findings.add("expression_not_allowed", message, pointer=pointer, step=step)
