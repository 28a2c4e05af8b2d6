"""Asking a model for an answer of a given shape, with one repair."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflows_app.agents.client import model_first, usage_of
from workflows_app.agents.core.answers import answer_read, repair_prompt
from workflows_app.agents.core.requests import ModelReply, ModelRequest
from workflows_app.agents.redaction import redact
from workflows_app.core.kinds import Call, StepError, Usage

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A checked answer, what it cost, and what the attempt records."""

    value: JSON
    usage: Usage
    details: dict[str, JSON]


def ask_text(call: Call, roles: Sequence[str], request: ModelRequest) -> Asked:
    """Ask for text.

    Raises:
        StepError: the call failed.
    """
    reply = model_first(call, roles, request)
    return Asked(value=redact(reply.text), usage=usage_of(reply), details=dict(reply.details))


def ask_value(call: Call, roles: Sequence[str], request: ModelRequest) -> Asked:
    """Ask for a value by `request.schema`; an answer that breaks it is repaired once.

    Raises:
        StepError: the call failed, or `output_invalid` when the second answer breaks it too.
    """
    reply = model_first(call, roles, request)
    return value_check(call, roles, request, reply)


def value_check(
    call: Call, roles: Sequence[str], request: ModelRequest, reply: ModelReply
) -> Asked:
    """Check an answer against `request.schema`; ask once more where it breaks it.

    Raises:
        StepError: as `ask_value`.
    """
    schema: Mapping[str, JSON] = request.schema or {}
    value, problem = answer_read(reply.text, schema)
    details = dict(reply.details)
    if problem is None:
        return Asked(value=redact(value), usage=usage_of(reply), details=details)
    second = model_first(call, roles, _repair(request, reply, problem))
    usage, details = usage_of(reply, second), {**details, "repaired": redact(problem)}
    value, still = answer_read(second.text, schema)
    if still is not None:
        raise StepError(
            "output_invalid",
            redact(f"the answer breaks its schema, and so did its repair: {still}"),
            usage=usage,
            details=details,
        )
    return Asked(value=redact(value), usage=usage, details=details)


def _repair(request: ModelRequest, reply: ModelReply, problem: str) -> ModelRequest:
    said = [block for block in reply.content if block["type"] != "tool_use"]
    return replace(
        request,
        messages=[
            *request.messages,
            {"role": "assistant", "content": said or "(no answer)"},
            {"role": "user", "content": repair_prompt(problem)},
        ],
    )
