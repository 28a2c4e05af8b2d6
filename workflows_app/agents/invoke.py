"""Carrying out one tool call: check what goes in, call, check what comes out.

Nothing that a tool gives or says reaches a row before secrets are taken out of it.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from workflows_app.agents.breakers import spared
from workflows_app.agents.connections import connection_as_before, connection_release
from workflows_app.agents.core.retry_after import retry_after
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.agents.core.stand_in import stand_in_value
from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.credentials import SecretMissing, headers_resolve
from workflows_app.agents.egress import Answer, EgressFailed, EgressRefused, guarded_request
from workflows_app.agents.invoke_mcp import mcp_invoke
from workflows_app.agents.network import Patience
from workflows_app.agents.redaction import redact
from workflows_app.agents.sealing import SealBroken
from workflows_app.agents.tools import InputRefused, ToolCall, ToolError, python_tool
from workflows_app.core.kinds import Call, StepError
from workflows_app.core.states import Effect
from workflows_app.core.strict_json import JsonRefused, strict_check, strict_loads

JSON = Any
# The request was seen and turned away before anything was done.
TURNED_AWAY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """What a tool gave, and what the attempt records of it."""

    output: JSON
    details: dict[str, JSON]


def tool_invoke(call: Call, spec: ToolSpec, arguments: JSON) -> Invoked:
    """Call a tool with checked arguments and give its checked result.

    In a rehearsal a tool with an effect is simulated: its result is made up from its schema.

    Raises:
        StepError: refused, failed, or its outcome is unknown.
    """
    if not spec.is_enabled:
        raise StepError("tool_disabled", f"{spec.name} is disabled until an admin accepts it")
    arguments = {} if arguments is None else arguments
    if problem := _problem(arguments, spec.input):
        raise StepError("input_invalid", f"{spec.name} does not take these arguments: {problem}")
    about: dict[str, JSON] = {"tool": spec.name, "version": spec.version, "source": spec.source}
    if call.mode == "rehearsal" and spec.effect is not Effect.NONE:
        return Invoked(output=_simulated(spec, arguments), details={**about, "simulated": True})
    if spec.timeout:
        deadline = min(call.deadline, time.monotonic() + spec.timeout)
        call = replace(call, deadline=deadline)
    started = time.monotonic()
    with spared(call.workspace_id, f"tool:{spec.name}", spec.breaker):
        output = redact(_SOURCES[spec.source](call, spec, arguments))
    about["milliseconds"] = round((time.monotonic() - started) * 1000)
    if spec.output and (problem := schema_problem(output, spec.output)):
        raise StepError("output_invalid", f"the answer of {spec.name} breaks its schema: {problem}")
    return Invoked(output=output, details=about)


def _problem(value: JSON, schema: Mapping[str, JSON]) -> str | None:
    try:
        strict_check(value)
    except JsonRefused as error:
        return error.message
    return schema_problem(value, schema)


def _simulated(spec: ToolSpec, arguments: JSON) -> JSON:
    return stand_in_value(spec.output or {"type": "object"}, [json.dumps(arguments)])


def _python(call: Call, spec: ToolSpec, arguments: JSON) -> JSON:
    found = python_tool(spec.name)
    if found is None:
        raise StepError("unknown_tool", f"there is no tool named {spec.name}")
    context = ToolCall(
        key=call.key,
        run_id=str(call.run_id),
        path=call.path,
        workspace_id=str(call.workspace_id),
        actor=call.actor,
        deadline=call.deadline,
        is_cancelled=call.is_cancelled,
    )
    with connection_as_before():
        try:
            output = found.call(arguments, context)
            strict_check(output)
        except StepError:
            raise
        except Exception as error:
            raise _python_error(spec, error) from error
    return output


def _python_error(spec: ToolSpec, error: Exception) -> StepError:
    said = redact(str(error))[:500] or type(error).__name__
    match error:
        case InputRefused():
            return StepError("input_invalid", f"{spec.name} does not take these arguments: {said}")
        case ToolError():
            return StepError(
                error.code,
                redact(error.message)[:500],
                retryable=error.retryable,
                retry_after=error.retry_after,
                outcome_unknown=error.outcome_unknown and not spec.is_repeatable,
            )
        case TimeoutError() | ConnectionError():
            code = "timeout" if isinstance(error, TimeoutError) else "connection"
            return StepError(
                code,
                f"{spec.name}: {said}",
                retryable=True,
                outcome_unknown=not spec.is_repeatable,
            )
        case JsonRefused():
            return StepError("output_invalid", f"{spec.name} gave what is not JSON: {said}")
    return StepError("tool_failed", f"{spec.name}: {type(error).__name__}: {said}")


def _http(call: Call, spec: ToolSpec, arguments: JSON) -> JSON:
    method, url = str(spec.request["method"]), str(spec.request["url"])
    headers, credentials = _headers(call, spec)
    headers["accept"] = "application/json"
    headers["idempotency-key"] = call.key
    body = None
    if method == "GET":
        url = _with_query(url, arguments)
    else:
        headers["content-type"] = "application/json"
        body = json.dumps(arguments, ensure_ascii=False, separators=(",", ":")).encode()
    patience = Patience(deadline=call.deadline, is_cancelled=call.is_cancelled)
    connection_release()
    try:
        answer = guarded_request(
            method, url, headers=headers, body=body, patience=patience, credentials=credentials
        )
    except EgressRefused as error:
        raise StepError("egress_refused", f"{spec.name}: {error}") from None
    except EgressFailed as error:
        raise _lost(spec, error) from None
    return _json(spec, _succeeded(spec, answer))


def _headers(call: Call, spec: ToolSpec) -> tuple[dict[str, str], list[str]]:
    try:
        return headers_resolve(
            workspace_id=call.workspace_id, headers=spec.request.get("headers") or {}
        )
    except (SecretMissing, SealBroken) as error:
        raise StepError("secret_missing", f"{spec.name}: {error}") from None


def _with_query(url: str, arguments: Mapping[str, JSON]) -> str:
    pairs = [
        (name, item if isinstance(item, str) else json.dumps(item))
        for name, value in arguments.items()
        if value is not None
        for item in (value if isinstance(value, list) else [value])
    ]
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def _lost(spec: ToolSpec, error: EgressFailed) -> StepError:
    is_passing = error.code in ("timeout", "connection")
    return StepError(
        error.code,
        redact(f"{spec.name}: {error.message}"),
        retryable=is_passing,
        outcome_unknown=is_passing and error.was_sent and not spec.is_repeatable,
    )


def _succeeded(spec: ToolSpec, answer: Answer) -> Answer:
    status = answer.status
    if 200 <= status < 300:
        return answer
    said = redact(answer.body[:300].decode("utf-8", "replace")).strip()
    raise StepError(
        f"http_{status}",
        f"{spec.name} answered {status}" + (f": {said}" if said else ""),
        retryable=status in TURNED_AWAY or status >= 500,
        retry_after=retry_after(answer.headers, now=datetime.now(UTC)),
        outcome_unknown=status >= 500 and not spec.is_repeatable,
        details={"status": status},
    )


def _json(spec: ToolSpec, answer: Answer) -> JSON:
    if not answer.body.strip():
        return None
    try:
        return strict_loads(answer.body)
    except JsonRefused as error:
        message = f"the answer of {spec.name} is not usable JSON: {error.message}"
        raise StepError("output_invalid", redact(message)) from None


_SOURCES = {"python": _python, "http": _http, "mcp": mcp_invoke}
