"""A service outside the product: it counts what reaches it, and answers as slowly as it is told."""

import json
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request as it arrived."""

    at: datetime
    body: bytes


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class Sink:
    """Answers `/call` after `delay` seconds with `status`, and `/hang` only when it stops."""

    def __init__(self, *, delay: float = 0.0, status: int = 200) -> None:
        self.delay = delay
        self.status = status
        self._arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.sink = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def address(self) -> str:
        """Return `host:port`, for EGRESS_ALLOW."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def arrivals(self, run: str) -> dict[str, list[Arrival]]:
        """Return what came for a run, by Idempotency-Key."""
        with self._changed:
            found = self._arrivals.items()
            return {key: list(came) for key, came in found if key.startswith(f"{run}/")}

    def count(self) -> int:
        """Return how many requests came."""
        with self._changed:
            return sum(map(len, self._arrivals.values()))

    def wait_for(self, count: int, *, seconds: float = 30) -> None:
        """Wait until so many requests have come."""
        deadline = time.monotonic() + seconds
        while (came := self.count()) < count:
            with self._changed:
                self._changed.wait(0.05)
            assert time.monotonic() < deadline, f"only {came} of {count} calls came"

    def receive(self, key: str, body: bytes, *, hangs: bool) -> None:
        """Note a request, and let the time pass that its answer takes."""
        with self._changed:
            self._arrivals[key].append(Arrival(datetime.now(UTC), body))
            self._changed.notify_all()
        self._stopping.wait(None if hangs else self.delay)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Keep the terminal quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = self.rfile.read(length)
        if len(body) < length:  # who asked was killed halfway: no service acts on half a call
            self.close_connection = True
            return
        key = self.headers.get("idempotency-key", "")
        sink: Sink = self.server.sink  # type: ignore[attr-defined]
        sink.receive(key, body, hangs=self.path == "/hang")
        answer = json.dumps({"receipt": key}).encode()
        with suppress(OSError):  # who asked may have been killed meanwhile
            self.send_response(sink.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
