"""Talking to an MCP server: over the guarded client, one session for each thing that is asked.

The SDK speaks the protocol; every request it makes leaves through `guarded_request`. A server
may not ask anything back: no sampling, no elicitation, no standing stream.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx2

from workflows_app.agents.egress import EgressFailed, EgressRefused, guarded_request
from workflows_app.agents.network import Patience

if TYPE_CHECKING:
    from mcp import Client

JSON = Any
MOST_TOOLS = 500
_OURS = frozenset({"host", "content-length", "connection", "accept-encoding", "transfer-encoding"})
_NO_STREAM = 405


class McpFailed(Exception):
    """The server gave no usable answer.

    Args:
        code: stable and short.
        was_sent: the server may have carried the call out.
        is_passing: another try may help.
    """

    def __init__(
        self, code: str, message: str, *, was_sent: bool = False, is_passing: bool = False
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.was_sent = was_sent
        self.is_passing = is_passing


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """A tool as its server describes it."""

    name: str
    description: str
    input: Mapping[str, JSON]
    output: Mapping[str, JSON] | None
    only_reads: bool
    is_idempotent: bool


@dataclass(slots=True, kw_only=True)
class McpAddress:
    """Where a server is, and how long it may take."""

    url: str
    headers: Mapping[str, str]
    credentials: Sequence[str] = ()
    patience: Patience
    failure: EgressRefused | EgressFailed | None = field(default=None)


class _Guarded(httpx2.AsyncBaseTransport):
    """Sends each request of the SDK through the guarded client, in a thread."""

    def __init__(self, address: McpAddress) -> None:
        self.address = address

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(_NO_STREAM, request=request)
        address = self.address
        kept = {name: text for name, text in request.headers.items() if name not in _OURS}
        send = partial(
            guarded_request,
            request.method,
            str(request.url),
            headers={**kept, **address.headers},
            body=await request.aread(),
            patience=address.patience,
            credentials=address.credentials,
        )
        try:
            answer = await asyncio.to_thread(send)
        except (EgressRefused, EgressFailed) as error:
            address.failure = error
            raise httpx2.ConnectError(str(error), request=request) from error
        told = {name: text for name, text in answer.headers.items() if name not in _OURS}
        return httpx2.Response(answer.status, headers=told, content=answer.body, request=request)


def mcp_tools(address: McpAddress) -> list[McpTool]:
    """Give the tools of a server.

    Raises:
        McpFailed: it could not be asked, or has more than 500.
    """
    return _session(address, _listed)


def mcp_call(
    address: McpAddress,
    name: str,
    arguments: JSON,
    *,
    key: str,
    check: Callable[[list[McpTool]], None],
) -> JSON:
    """Call a tool and give its result: structured content, else its text.

    Args:
        key: the idempotency key, sent as `Idempotency-Key`.
        check: sees the tools as the server describes them now, and raises to stop the call.

    Raises:
        McpFailed: no usable answer, or the tool says that it failed.
    """

    async def ask(client: Client) -> JSON:
        check(await _listed(client))
        address.headers = {**address.headers, "idempotency-key": key}
        address.patience.sent = False
        return _result(await client.call_tool(name, arguments))

    return _session(address, ask)


def _session[Given](address: McpAddress, ask: Callable[[Client], Awaitable[Given]]) -> Given:
    # The SDK is large: only who talks to a server loads it.
    from mcp import Client, MCPError  # noqa: PLC0415
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415

    async def go() -> Given:
        seconds = max(address.patience.deadline - time.monotonic(), 0.0)
        transport = _Guarded(address)
        async with asyncio.timeout(seconds), httpx2.AsyncClient(transport=transport) as http:
            stream = streamable_http_client(address.url, http_client=http, terminate_on_close=False)
            async with Client(stream, cache=None) as client:
                return await ask(client)

    try:
        return asyncio.run(go())
    except BaseException as error:
        if not isinstance(error, Exception):
            raise
        found = _first(error)
        if isinstance(found, MCPError) and address.failure is None:
            message = f"the server refused: {found}"
            raise McpFailed("mcp_error", message[:500], was_sent=address.patience.sent) from None
        raise _failed(address, found) from None


def _first(error: Exception) -> Exception:
    """Give what went wrong first: task groups wrap it."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _failed(address: McpAddress, error: Exception) -> Exception:
    match address.failure or error:
        case EgressRefused() as refused:
            return McpFailed("egress_refused", str(refused))
        case EgressFailed() as failed:
            is_passing = failed.code in ("timeout", "connection")
            return McpFailed(
                failed.code, failed.message, was_sent=failed.was_sent, is_passing=is_passing
            )
        case TimeoutError():
            sent = address.patience.sent
            return McpFailed(
                "timeout", "the server did not answer in time", was_sent=sent, is_passing=True
            )
        case McpFailed() as known:
            return known
        case Exception() as other if type(other).__module__.split(".")[0] in ("mcp", "mcp_types"):
            return McpFailed("mcp_error", f"the server does not speak MCP: {other}"[:500])
    return error


async def _listed(client: Client) -> list[McpTool]:
    found: list[McpTool] = []
    cursor: str | None = None
    while True:
        page = await client.list_tools(cursor=cursor)
        for one in page.tools:
            hints = one.annotations
            found.append(
                McpTool(
                    name=one.name,
                    description=one.description or "",
                    input=one.input_schema,
                    output=one.output_schema,
                    only_reads=bool(hints and hints.read_only_hint),
                    is_idempotent=bool(hints and hints.idempotent_hint),
                )
            )
        cursor = page.next_cursor
        if len(found) > MOST_TOOLS:
            raise McpFailed("too_many_tools", f"the server has more than {MOST_TOOLS} tools")
        if cursor is None:
            return found


def _result(answer: Any) -> JSON:
    texts = [block.text for block in answer.content if block.type == "text"]
    said = "\n".join(texts)
    if answer.is_error:
        raise McpFailed("tool_failed", said[:500] or "the tool failed")
    if answer.structured_content is not None:
        return answer.structured_content
    if len(texts) == 1 and said.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(said)
        except ValueError:
            return said
    return said


__all__ = ["McpAddress", "McpFailed", "McpTool", "mcp_call", "mcp_tools"]
