"""A run's input against its version's schema."""

from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from workflows_app.core.canonical import canonical_bytes
from workflows_app.errors import Invalid
from workflows_app.models import WorkflowVersion
from workflows_app.services.context import version_context

JSON = Any
PROBLEMS_SHOWN = 20


@lru_cache(maxsize=500)
def _validator(digest: str, schema: bytes) -> Draft202012Validator:
    import json  # noqa: PLC0415

    return Draft202012Validator(
        json.loads(schema), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def schema_problems(schema: JSON, value: JSON) -> list[dict[str, str]]:
    """Say where a value breaks a JSON Schema: `{code, pointer, message}`, first ones first."""
    text = canonical_bytes(schema)
    errors = sorted(_validator("", text).iter_errors(value), key=lambda error: error.path)
    return [_problem(error) for error in errors[:PROBLEMS_SHOWN]]


def _problem(error: ValidationError) -> dict[str, str]:
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.path)
    message = error.message if len(error.message) <= 300 else f"{error.message[:300]}…"
    return {"code": f"schema_{error.validator}", "pointer": pointer, "message": message}


def input_check(version: WorkflowVersion, value: JSON) -> None:
    """Check a run's input.

    Raises:
        Invalid: `problems` says where and how it breaks the schema.
    """
    schema = version_context(version.pk).expanded.get("input")
    problems = schema_problems(schema, value) if schema else []
    if problems:
        first = problems[0]
        where = first["pointer"] or "the input"
        raise Invalid(
            f"the input does not fit the workflow: {where}: {first['message']}",
            code="invalid_input",
            problems=problems,
        )
