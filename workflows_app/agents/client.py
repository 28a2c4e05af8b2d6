"""Calling a model: one request, streamed, within one deadline, holding no database connection.

The SDK's own retries are off: the engine retries, and records every attempt. An answer that
was cut off is thrown away whole, so that no half tool call is ever carried out.

The SDK takes two seconds to import, so only who calls a model does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx2
from django.conf import settings

from workflows_app.agents.breakers import spared
from workflows_app.agents.budgets import reserved
from workflows_app.agents.connections import connection_release
from workflows_app.agents.core.model_specs import ModelSpec, UnknownRole, model_pick, model_roles
from workflows_app.agents.core.requests import ModelReply, ModelRequest
from workflows_app.agents.core.retry_after import retry_after
from workflows_app.agents.core.stand_in import stand_in_reply
from workflows_app.agents.network import (
    CallCancelled,
    Patience,
    PatientBackend,
    PatientTransport,
)
from workflows_app.core.kinds import Call, StepError, Usage
from workflows_app.models import Workspace

if TYPE_CHECKING:
    import anthropic

JSON = Any
RETRYABLE = frozenset({408, 409, 425, 429})
# The error type of a failure inside a stream, which began with status 200.
_STATUS_OF = {"rate_limit_error": 429, "overloaded_error": 529, "timeout_error": 504}
_UNFINISHED = {
    "max_tokens": "the answer was cut off at the model's output limit",
    "refusal": "the model declined to answer",
    "model_context_window_exceeded": "the conversation is longer than the model can read",
}


def model_call(call: Call, role: str, request: ModelRequest) -> ModelReply:
    """Ask the model of a role on behalf of a step.

    Raises:
        StepError: the call failed; `retryable` and `retry_after` say what may help.
    """
    if call.uses_stand_in:
        return stand_in_reply(request)
    spec = model_spec(call, role)
    if spec.max_tokens:
        request = replace(request, max_tokens=spec.max_tokens)
    patience = Patience(deadline=call.deadline, is_cancelled=call.is_cancelled)
    with spared(call.workspace_id, f"model:{role}"), reserved(call, spec, request) as held:
        connection_release()
        reply = anthropic_reply(spec, request, patience)
        held.settle(reply.cost_usd)
    return reply


def model_first(call: Call, roles: Sequence[str], request: ModelRequest) -> ModelReply:
    """Ask the models in order until one answers; the answer says which ones failed before.

    Raises:
        StepError: the last one's, when none answered.
    """
    failed: list[dict[str, JSON]] = []
    for role in roles:
        try:
            reply = model_call(call, role, request)
        except StepError as error:
            if error.code == "cancelled" or role == roles[-1]:
                raise
            failed.append({"model": role, "code": error.code, "message": error.message})
            continue
        return replace(reply, details={**reply.details, "failed": failed}) if failed else reply
    raise ValueError("no model to ask")


def model_spec(call: Call, role: str) -> ModelSpec:
    """Give the model that a role means for this run.

    Raises:
        StepError: no model has that role.
    """
    rows = Workspace.objects.filter(pk=call.workspace_id).values_list("settings", flat=True)
    try:
        return model_pick(model_roles(rows.first()), role, call.pins.get("models"))
    except UnknownRole as error:
        raise StepError("unknown_model", str(error)) from None


def usage_of(*replies: ModelReply) -> Usage:
    """Give what these answers consumed together."""
    return Usage(
        input_tokens=sum(reply.input_tokens for reply in replies),
        output_tokens=sum(reply.output_tokens for reply in replies),
        cost_usd=round(sum(reply.cost_usd for reply in replies), 8),
    )


def anthropic_reply(spec: ModelSpec, request: ModelRequest, patience: Patience) -> ModelReply:
    """Send one request to the Messages API and give the complete answer.

    Raises:
        StepError: as `model_call`.
    """
    if not settings.ANTHROPIC_API_KEY:
        raise StepError("no_model", "there is no ANTHROPIC_API_KEY to call a model with")
    with _errors(), _client(patience) as client:
        message = _complete(client, spec, request)
    return _reply(spec, message)


def _client(patience: Patience) -> anthropic.Anthropic:
    import anthropic  # noqa: PLC0415

    seconds = patience.left(httpx2.ConnectTimeout)
    transport = PatientTransport(PatientBackend(patience))
    return anthropic.Anthropic(
        api_key=settings.ANTHROPIC_API_KEY,
        base_url=settings.ANTHROPIC_BASE_URL or None,
        max_retries=0,
        timeout=seconds,
        http_client=httpx2.Client(transport=transport, timeout=seconds, trust_env=False),
    )


def _complete(
    client: anthropic.Anthropic, spec: ModelSpec, request: ModelRequest
) -> anthropic.types.Message:
    with client.messages.stream(model=spec.id, **request.body()) as stream:
        if "json" in stream.response.headers.get("content-type", ""):
            # A gateway on the way may have collected the stream into one document.
            import anthropic  # noqa: PLC0415

            return anthropic.types.Message.model_validate_json(stream.response.read())
        message, is_complete = None, False
        for event in stream:
            is_complete = event.type == "message_stop"
            message = stream.current_message_snapshot
    if message is None or not is_complete:
        raise StepError("connection", "the answer broke off before its end", retryable=True)
    return message


def _reply(spec: ModelSpec, message: anthropic.types.Message) -> ModelReply:
    usage = message.usage
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    input_tokens = usage.input_tokens + cached
    reply = ModelReply(
        content=[_block(block) for block in message.content],
        stop=message.stop_reason or "end_turn",
        input_tokens=input_tokens,
        output_tokens=usage.output_tokens,
        cost_usd=spec.cost(input_tokens, usage.output_tokens),
        details={"model": message.model, "role": spec.role, "message": message.id},
    )
    if reply.stop in _UNFINISHED:
        raise StepError(
            reply.stop, _UNFINISHED[reply.stop], usage=usage_of(reply), details=dict(reply.details)
        )
    return reply


def _block(block: anthropic.types.ContentBlock) -> dict[str, JSON]:
    """Give a block as it goes back into the conversation: without what the SDK added to it."""
    return block.model_dump(mode="json", exclude_none=True, exclude={"parsed_output"})


@contextmanager
def _errors() -> Iterator[None]:
    import anthropic  # noqa: PLC0415

    try:
        yield
    except CallCancelled:
        raise StepError("cancelled", "the step was cancelled during the call") from None
    except anthropic.APIStatusError as error:
        raise _status_error(error) from None
    except (anthropic.APITimeoutError, httpx2.TimeoutException):
        raise StepError("timeout", "the model did not answer in time", retryable=True) from None
    except (anthropic.APIConnectionError, httpx2.TransportError) as error:
        if isinstance(error.__cause__, CallCancelled):
            raise StepError("cancelled", "the step was cancelled during the call") from None
        raise StepError(
            "connection", "the connection to the model was lost or refused", retryable=True
        ) from None
    except (anthropic.AnthropicError, ValueError) as error:
        message = f"the model's answer could not be read: {str(error)[:300]}"
        raise StepError("bad_answer", message, retryable=True) from None


def _status_error(error: anthropic.APIStatusError) -> StepError:
    status = error.status_code
    if status == 200:
        status = _STATUS_OF.get(str(error.type), 500)
    headers: Mapping[str, str] = error.response.headers
    said = error.api_message or str(error.type or "no reason given")
    return StepError(
        f"http_{status}",
        f"the model service answered {status}: {said[:300]}",
        retryable=status in RETRYABLE or status >= 500,
        retry_after=retry_after(headers, now=datetime.now(UTC)),
        details={"request": error.request_id, "status": status},
    )
