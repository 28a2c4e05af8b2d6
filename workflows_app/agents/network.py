"""Sockets with one deadline for the whole exchange.

Time limits of an HTTP library hold for each read, so a server that sends a byte now and then
is never late. Here every connect, read and write looks at the same monotonic deadline, and at
whether the step is still wanted.
"""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpcore2
import httpx2

SLICE_SECONDS = 0.5  # how often a silent connection looks whether it is still wanted


class CallCancelled(Exception):
    """Nobody waits for this call any more."""


@dataclass(slots=True)
class Patience:
    """How long to go on. `deadline` is a reading of `time.monotonic()`.

    `sent` becomes True with the first byte of a request that left this machine: from then on
    a failure leaves open what the other side did.
    """

    deadline: float
    is_cancelled: Callable[[], bool] = field(default=lambda: False)
    sent: bool = False

    def left(self, error: type[Exception]) -> float:
        """Give the seconds that are left.

        Raises:
            CallCancelled: nobody waits any more.
            error: the time is up.
        """
        if self.is_cancelled():
            raise CallCancelled("the call was cancelled")
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise error("the time for the whole call is up")
        return seconds


class PatientStream(httpcore2.NetworkStream):
    """A connection whose reads and writes end at the deadline."""

    def __init__(self, stream: httpcore2.NetworkStream, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            seconds = self._patience.left(httpcore2.ReadTimeout)
            try:
                return self._stream.read(max_bytes, timeout=min(seconds, SLICE_SECONDS))
            except httpcore2.ReadTimeout:
                continue  # `left` says when it was the last

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        seconds = self._patience.left(httpcore2.WriteTimeout)
        self._patience.sent = True
        self._stream.write(buffer, timeout=seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        seconds = self._patience.left(httpcore2.ConnectTimeout)
        inner = self._stream.start_tls(ssl_context, server_hostname, timeout=seconds)
        return PatientStream(inner, self._patience)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class PatientBackend(httpcore2.NetworkBackend):
    """Opens connections that share one patience. Subclasses choose the address."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._sockets = httpcore2.SyncBackend()

    def address(self, host: str, port: int) -> str:
        """Give the address to connect to; the name itself by default."""
        return host

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        address = self.address(host, port)
        seconds = self._patience.left(httpcore2.ConnectTimeout)
        stream = self._sockets.connect_tcp(
            address, port, timeout=seconds, socket_options=socket_options
        )
        return PatientStream(stream, self._patience)


@cache
def tls_context() -> ssl.SSLContext:
    """Give the one TLS configuration; reading the certificates takes a while."""
    return httpx2.create_ssl_context()


_ERRORS: tuple[tuple[type[Exception], type[httpx2.TransportError]], ...] = (
    (httpcore2.ConnectTimeout, httpx2.ConnectTimeout),
    (httpcore2.ReadTimeout, httpx2.ReadTimeout),
    (httpcore2.WriteTimeout, httpx2.WriteTimeout),
    (httpcore2.PoolTimeout, httpx2.PoolTimeout),
    (httpcore2.ConnectError, httpx2.ConnectError),
    (httpcore2.ReadError, httpx2.ReadError),
    (httpcore2.WriteError, httpx2.WriteError),
    (httpcore2.RemoteProtocolError, httpx2.RemoteProtocolError),
    (httpcore2.LocalProtocolError, httpx2.LocalProtocolError),
    (httpcore2.UnsupportedProtocol, httpx2.UnsupportedProtocol),
)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        for inner, outer in _ERRORS:
            if isinstance(error, inner):
                raise outer(str(error)) from error
        raise


class _Body(httpx2.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _translated():
            yield from self._stream

    def close(self) -> None:
        self._stream.close()


class PatientTransport(httpx2.BaseTransport):
    """Carries requests over a backend's connections; no proxies, no retries, no cookies."""

    def __init__(self, backend: PatientBackend) -> None:
        self._pool = httpcore2.ConnectionPool(
            ssl_context=tls_context(), network_backend=backend, max_connections=1
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        outgoing = httpcore2.Request(
            method=request.method,
            url=httpcore2.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
        )
        with _translated():
            answer = self._pool.handle_request(outgoing)
        return httpx2.Response(
            status_code=answer.status, headers=answer.headers, stream=_Body(answer.stream)
        )

    def close(self) -> None:
        self._pool.close()
