"""Rules about what a step hands to a tool or a workflow: all that is needed, and of the right form.

What an expression will give is not known here. Everything else is: a text where a number is
wanted fails every run, so it is found before there is one.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError

from workflows_app.core.definition.problems import Findings
from workflows_app.core.expressions.templates import has_expression
from workflows_app.core.strict_json import pointer_escape

JSON = Any
# What can be told of an object although some of its members are computed.
_BY_NAMES = frozenset({"required", "additionalProperties", "dependentRequired"})


def inputs_check(
    given: JSON,
    schema: JSON,
    findings: Findings,
    *,
    pointer: str,
    step: str | None,
    what: str,
) -> None:
    """Check that every required input is given, none that is not wanted, and what is written out.

    Args:
        given: the inputs by name, with expressions in them; anything else is not known here.
        schema: what is wanted.
        what: who wants it.
    """
    if not isinstance(schema, Mapping) or not isinstance(given, Mapping):
        return
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in given:
            message = f"{what} needs {name}, which is not given"
            findings.add("unmapped_input", message, pointer=pointer, step=step)
    properties = schema.get("properties")
    unknown: set[str] = set()
    if schema.get("additionalProperties") is False and isinstance(properties, Mapping):
        unknown = {name for name in given if name not in properties}
        for name in sorted(unknown):
            message = f"{what} takes no {name}"
            where = f"{pointer}/{pointer_escape(name)}"
            findings.add("unknown_input", message, pointer=where, step=step)
    _literals_check(given, schema, findings, pointer=pointer, step=step, what=what)


def _literals_check(
    given: Mapping[str, JSON],
    schema: Mapping[str, JSON],
    findings: Findings,
    *,
    pointer: str,
    step: str | None,
    what: str,
) -> None:
    try:
        validator = _validator(json.dumps(schema, sort_keys=True))
        errors = list(validator.iter_errors(given))
    except (SchemaError, ValueError, RecursionError):  # the schema itself is another rule's
        return
    for error in errors:
        path = list(error.absolute_path)
        if (not path and error.validator in _BY_NAMES) or not _is_certain(error, given):
            continue
        where = pointer + "".join(f"/{pointer_escape(str(part))}" for part in path)
        message = f"{what} does not take this: {error.message[:300]}"
        findings.add("bad_input", message, pointer=where, step=step)


def _is_certain(error: ValidationError, given: JSON) -> bool:
    """Say whether a value breaks the schema whatever its expressions give."""
    instance = error.instance
    if isinstance(instance, str) and has_expression(instance):
        # Text with {{ }} in it gives text, and nothing else.
        return error.validator == "type" and not instance.startswith("=")
    if isinstance(instance, str) and instance.startswith("=="):
        return error.validator == "type"  # it stands for a text with one sign less
    if error.validator in _BY_NAMES:
        return True
    if isinstance(instance, Mapping | list) and error.validator == "type":
        return True
    return not has_expression(instance)


@lru_cache(maxsize=256)
def _validator(schema: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))
