"""What the model server is told to answer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_ids = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the model server.

    Args:
        content: content blocks of the message.
        status: anything but 200 sends `message` as an error instead.
        delay: seconds of silence before the first byte.
        chunk_delay: seconds between the events of a stream.
        cut_after: the connection is dropped after this many events (or before the body).
        fail_after: a stream turns into an error event after this many events.
        pings: a stream sends this many pings, `chunk_delay` apart, before the message.
    """

    content: tuple[dict[str, Any], ...] = ()
    stop_reason: str = "end_turn"
    input_tokens: int = 12
    output_tokens: int = 7
    status: int = 200
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    chunk_delay: float = 0.0
    cut_after: int | None = None
    fail_after: int | None = None
    pings: int = 0

    def body(self, model: str, request_id: str) -> dict[str, Any]:
        """Give the whole answer as one JSON document."""
        if self.status != 200:
            return error_body(self.status, self.message, request_id)
        return {
            "id": f"msg_{next(_ids):024d}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": list(self.content),
            "stop_reason": self.stop_reason,
            "stop_sequence": None,
            "usage": {"input_tokens": self.input_tokens, "output_tokens": self.output_tokens},
        }

    def events(self, model: str, request_id: str) -> Iterator[dict[str, Any]]:
        """Give the answer as the events of a stream, in order."""
        message = self.body(model, request_id)
        for _ in range(self.pings):
            yield {"type": "ping"}
        start = {**message, "content": [], "stop_reason": None}
        start["usage"] = {"input_tokens": self.input_tokens, "output_tokens": 1}
        yield {"type": "message_start", "message": start}
        yield {"type": "ping"}
        for index, block in enumerate(self.content):
            yield from _block_events(index, block)
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": self.stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": self.output_tokens},
        }
        yield {"type": "message_stop"}


def error_body(status: int, message: str, request_id: str) -> dict[str, Any]:
    """Give the error document of a status."""
    kind = ERROR_TYPES.get(status, "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message or kind},
        "request_id": request_id,
    }


def _block_events(index: int, block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    empty = {"text": "", "input": {}, "thinking": "", "signature": ""}
    opening = {name: empty.get(name, value) for name, value in block.items()}
    yield {"type": "content_block_start", "index": index, "content_block": opening}
    for delta in _deltas(block):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    match block["type"]:
        case "text":
            for piece in _pieces(block["text"]):
                yield {"type": "text_delta", "text": piece}
        case "tool_use":
            for piece in _pieces(json.dumps(block["input"])):
                yield {"type": "input_json_delta", "partial_json": piece}
        case "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}


def _pieces(value: str, size: int = 11) -> Iterator[str]:
    for start in range(0, len(value), size):
        yield value[start : start + size]


def text(value: str, **options: Any) -> Reply:
    """Answer with text."""
    return Reply(content=({"type": "text", "text": value},), **options)


def json_reply(value: Any, **options: Any) -> Reply:
    """Answer with a JSON document as text."""
    return text(json.dumps(value), **options)


def tool_use(name: str, arguments: dict[str, Any], **options: Any) -> Reply:
    """Ask for one tool."""
    return tool_uses((name, arguments), **options)


def tool_uses(*calls: tuple[str, dict[str, Any]], **options: Any) -> Reply:
    """Ask for several tools at once, as (name, arguments)."""
    blocks = tuple(
        {"type": "tool_use", "id": f"toolu_{next(_ids):020d}", "name": name, "input": arguments}
        for name, arguments in calls
    )
    return Reply(content=blocks, stop_reason="tool_use", **options)


def error(
    status: int, message: str = "", *, retry_after: str | None = None, **options: Any
) -> Reply:
    """Answer with an error, with `Retry-After` if given."""
    headers = {"retry-after": retry_after} if retry_after is not None else {}
    return Reply(status=status, message=message, headers=headers, **options)
