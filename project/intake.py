"""The quick way in for events: `POST /api/v1/events` with a token, past the rest of the stack.

Everything that is not plain (a session, another workspace, a large body, whatever is wrong) goes
on to the ordinary way, which takes the same events and has the words for every refusal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csp import ContentSecurityPolicyMiddleware
from django.middleware.security import SecurityMiddleware

from project.errors import REQUEST_ID
from project.json_form import json_text
from workflows_app.api.event_batches import batch_answer
from workflows_app.api.event_forms import BATCHED, batch_read, content_kind, event_read
from workflows_app.core.strict_json import JsonRefused
from workflows_app.errors import DomainError
from workflows_app.services.event_group import Answers, EventGroup, Order
from workflows_app.services.events import AT_ONCE
from workflows_app.services.incoming import Incoming, Received

JSON = Any
Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Given = asyncio.Future[Sequence[Received] | None]
PATH = "/api/v1/events"
LARGEST = 64_000  # bytes; more would hold up the event loop


class EventIntake:
    """An ASGI application before another: takes plain events, passes everything else on."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.group = EventGroup(_give)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the other application do it."""
        headers = _headers(scope) if _is_meant(scope) else {}
        token = _token(headers)
        if not token or not _is_plain(headers):
            await self.application(scope, receive, send)
            return
        messages = await _read(receive)
        body = b"".join(message.get("body", b"") for message in messages)
        answer = await self._take(token, headers, body) if _is_whole(messages) else None
        if answer is None:
            await self.application(scope, _again(messages, receive), send)
            return
        await _send(send, headers, answer)

    async def _take(self, token: str, headers: Mapping[str, str], body: bytes) -> JSON:
        """Give the answer, or None where the ordinary way has to find it."""
        is_batch = content_kind(headers) == BATCHED
        try:
            found = batch_read(headers, body) if is_batch else [event_read(headers, body)]
        except (DomainError, JsonRefused):
            return None
        good = [one for one in found if isinstance(one, Incoming)]
        if not good or len(good) > AT_ONCE:
            return None
        future: Given = asyncio.get_running_loop().create_future()
        self.group.put(Order(token=token, events=good, future=future))
        received = await future
        if received is None:
            return None
        return batch_answer(found, received) if is_batch else received[0].as_json()


def _give(answers: Answers) -> None:
    """Tell those who wait, each in its own event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, Answers] = {}
    for order, received in answers:
        by_loop.setdefault(order.future.get_loop(), []).append((order, received))
    for loop, some in by_loop.items():
        loop.call_soon_threadsafe(_resolve, some)


def _resolve(answers: Answers) -> None:
    for order, received in answers:
        if not order.future.done():
            order.future.set_result(received)


def _is_meant(scope: Scope) -> bool:
    return (
        scope["type"] == "http"
        and scope["path"] == PATH
        and scope["method"] == "POST"
        and not scope.get("query_string")
    )


def _headers(scope: Scope) -> dict[str, str]:
    """Give the headers by their names in lower case; of one that comes twice, none of the lot."""
    found = {name.decode("latin1"): value.decode("latin1") for name, value in scope["headers"]}
    return found if len(found) == len(scope["headers"]) else {}


def _token(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_plain(headers: Mapping[str, str]) -> bool:
    domain, _ = split_domain_port(headers.get("host", ""))
    length = headers.get("content-length", "")
    return (
        bool(domain)
        and validate_host(domain, settings.ALLOWED_HOSTS)
        and length.isdecimal()
        and int(length) <= LARGEST
    )


async def _read(receive: Receive) -> list[Message]:
    messages = [await receive()]
    while messages[-1]["type"] == "http.request" and messages[-1].get("more_body"):
        messages.append(await receive())
    return messages


def _is_whole(messages: Sequence[Message]) -> bool:
    return messages[-1]["type"] == "http.request"


def _again(messages: Sequence[Message], receive: Receive) -> Receive:
    """Give what was read once more, then what comes."""
    left = list(messages)

    async def read() -> Message:
        return left.pop(0) if left else await receive()

    return read


async def _send(send: Send, headers: Mapping[str, str], answer: JSON) -> None:
    body = json_text(answer).encode()
    asked = headers.get("x-request-id", "")
    request_id = asked if REQUEST_ID.fullmatch(asked) else uuid4().hex
    own = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
    ]
    start = {"type": "http.response.start", "status": 202, "headers": [*own, *_browser_rules()]}
    await send(start)
    await send({"type": "http.response.body", "body": body})


@cache
def _browser_rules() -> list[tuple[bytes, bytes]]:
    """Give the headers that the middleware puts on every answer."""
    request, answer = HttpRequest(), HttpResponse()
    del answer["Content-Type"]
    for rules in (SecurityMiddleware, ContentSecurityPolicyMiddleware, XFrameOptionsMiddleware):
        rules(lambda _: answer).process_response(request, answer)
    return [(name.lower().encode(), value.encode()) for name, value in answer.items()]
