"""The HTTP side of the model server: one thread for each connection, nothing shared but a lock."""

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self

from tests.fake_anthropic.checks import refusal
from tests.fake_anthropic.replies import Reply, error, text


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived; header names are lower case."""

    headers: dict[str, str]
    body: dict[str, Any]


Answer = Callable[[Recorded], Reply]


class FakeAnthropic:
    """A running model server.

    Queued replies are given in order; then `answer` is asked, if there is one; then every
    request gets the text "ok". Use as a context manager, or `start()` and `stop()`.
    """

    def __init__(self, *replies: Reply, answer: Answer | None = None, port: int = 0) -> None:
        self.requests: list[Recorded] = []
        self.answer = answer
        self._queue = deque(replies)
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._numbers = count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.fake = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL, for ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self.port}"

    def reply(self, *replies: Reply) -> None:
        """Queue more answers."""
        with self._lock:
            self._queue.extend(replies)

    def next_reply(self, request: Recorded) -> Reply:
        """Record a request and give what to answer."""
        refused = refusal(request.headers, request.body)
        with self._lock:
            self.requests.append(request)
            if refused:
                return error(*refused)
            if self._queue:
                return self._queue.popleft()
        return self.answer(request) if self.answer else text("ok")

    def request_id(self) -> str:
        return f"req_{next(self._numbers):024d}"

    def wait(self, seconds: float) -> None:
        """Let time pass, but not beyond the end of the server."""
        self._stopping.wait(seconds)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def fake(self) -> FakeAnthropic:
        return self.server.fake  # type: ignore[attr-defined, no-any-return]

    def log_message(self, *args: Any) -> None:
        """Keep the terminal quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        raw = self.rfile.read(length)
        if self.path.split("?")[0] != "/v1/messages":
            self._answer(error(404, "no such path"), "none")
            return
        body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        reply = self.fake.next_reply(Recorded(headers, body))
        self.fake.wait(reply.delay)
        with suppress(BrokenPipeError, ConnectionResetError):
            if body.get("stream") and reply.status == 200:
                self._stream(reply, body["model"])
            else:
                self._answer(reply, body.get("model", ""))

    def _answer(self, reply: Reply, model: str) -> None:
        request_id = self.fake.request_id()
        if reply.cut_after is not None:
            self._cut()
            return
        body = json.dumps(reply.body(model, request_id)).encode()
        self.send_response(reply.status)
        self._headers(reply, request_id, "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, reply: Reply, model: str) -> None:
        request_id = self.fake.request_id()
        self.send_response(200)
        self._headers(reply, request_id, "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(reply.events(model, request_id)):
            if number == reply.cut_after:
                self._cut()
                return
            if number == reply.fail_after:
                failure = error(529, "Overloaded").body(model, request_id)
                self._chunk({**failure, "type": "error"})
                break
            self._chunk(event)
            if reply.chunk_delay:
                self.fake.wait(reply.chunk_delay)
        self.wfile.write(b"0\r\n\r\n")

    def _headers(self, reply: Reply, request_id: str, content_type: str) -> None:
        self.send_header("content-type", content_type)
        self.send_header("request-id", request_id)
        for name, value in reply.headers.items():
            self.send_header(name, value)

    def _chunk(self, event: dict[str, Any]) -> None:
        data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def serve(port: int, answer: Answer) -> None:
    """Run in the foreground until interrupted; the port is the first line printed."""
    with FakeAnthropic(answer=answer, port=port) as fake:
        print(fake.port, flush=True)
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
