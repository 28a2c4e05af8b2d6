"""The one way out: HTTP to addresses that were checked, and to no others.

A name is resolved once, every address is checked, and the connection goes to one of those very
addresses, so a name that changes its mind between check and use gains nothing.
"""

import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from urllib.parse import urljoin, urlsplit

import httpcore2
import httpx2
from django.conf import settings

from workflows_app.agents.core.addresses import (
    Address,
    address_is_public,
    address_parse,
    address_reached,
    allow_list,
    host_key,
)
from workflows_app.agents.network import (
    CallCancelled,
    Patience,
    PatientBackend,
    PatientTransport,
)

MAX_BYTES = 1_000_000
MAX_REDIRECTS = 3
SAFE_METHODS = frozenset({"GET", "HEAD"})
CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


class EgressRefused(Exception):
    """The request may not be made; nothing was sent."""


class EgressFailed(Exception):
    """The request was made, or tried, and gave no usable answer.

    Args:
        code: `timeout`, `connection`, `cancelled`, `answer_too_large`, `bad_answer`.
        was_sent: the other side may have seen the request.
    """

    def __init__(self, code: str, message: str, *, was_sent: bool) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.was_sent = was_sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


def guarded_request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    patience: Patience,
    credentials: Sequence[str] = (),
    max_bytes: int = MAX_BYTES,
) -> Answer:
    """Send one request and give its answer.

    Redirects are followed at most three times, each checked like the first, and only where
    that repeats nothing: for GET and HEAD.

    Args:
        credentials: names of headers that another host must not see.

    Raises:
        EgressRefused: the address is not allowed.
        EgressFailed: no usable answer.
    """
    sent = {**headers, "accept-encoding": "identity"}
    secret = CREDENTIAL_HEADERS | {name.lower() for name in credentials}
    for _ in range(MAX_REDIRECTS + 1):
        answer = _exchange(method, url, sent, body, patience, max_bytes)
        target = answer.headers.get("location")
        if answer.status not in (301, 302, 303, 307, 308) or not target:
            return answer
        if method not in SAFE_METHODS:
            return answer
        target = urljoin(url, target)
        if _origin(target) != _origin(url):
            sent = {name: value for name, value in sent.items() if name.lower() not in secret}
        url = target
    raise EgressFailed("redirects", "the server kept redirecting", was_sent=True)


def _origin(url: str) -> tuple[str, str, int]:
    return url_check(url)


def url_check(url: str) -> tuple[str, str, int]:
    """Give (scheme, host, port) of a URL that may be asked for at all.

    Raises:
        EgressRefused: not http or https, no host, or a user name inside.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise EgressRefused("the URL cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EgressRefused("only http:// and https:// with a host can be reached")
    if parts.username or parts.password:
        raise EgressRefused("a URL must not hold a user name or password: use a secret header")
    return parts.scheme, host_key(parts.hostname), port


def _exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    patience: Patience,
    max_bytes: int,
) -> Answer:
    url_check(url)
    transport = PatientTransport(GuardedBackend(patience))
    request = httpx2.Request(method, url, headers=dict(headers), content=body)
    try:
        with httpx2.Client(transport=transport, trust_env=False) as client:
            answer = client.send(request, stream=True, follow_redirects=False)
            return Answer(
                status=answer.status_code,
                headers=answer.headers,
                body=_body(answer, max_bytes),
                url=url,
            )
    except CallCancelled:
        raise EgressFailed("cancelled", "the step was cancelled", was_sent=patience.sent) from None
    except httpx2.TimeoutException:
        message = f"{_host(url)} did not answer in time"
        raise EgressFailed("timeout", message, was_sent=patience.sent) from None
    except (httpx2.TransportError, httpx2.InvalidURL) as error:
        message = f"the connection to {_host(url)} was lost or refused ({type(error).__name__})"
        raise EgressFailed("connection", message, was_sent=patience.sent) from None


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _body(answer: httpx2.Response, max_bytes: int) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise EgressFailed("bad_answer", "the answer is compressed unasked", was_sent=True)
    parts, size = [], 0
    for part in answer.iter_raw():
        size += len(part)
        if size > max_bytes:
            message = f"the answer is larger than {max_bytes:,} bytes"
            raise EgressFailed("answer_too_large", message, was_sent=True)
        parts.append(part)
    return b"".join(parts)


class GuardedBackend(PatientBackend):
    """Connects only to addresses that were checked."""

    def __init__(self, patience: Patience) -> None:
        super().__init__(patience)
        self._allowed = allow_list(settings.EGRESS_ALLOW)

    def address(self, host: str, port: int) -> str:
        found = self._resolve(host, port)
        is_listed = (host_key(host), port) in self._allowed
        for address in found:
            if _is_own(address, port):
                raise EgressRefused(f"{host}:{port} is this product itself")
            if not (is_listed or (str(address), port) in self._allowed):
                _check_public(host, port, address)
        return str(found[0])

    def _resolve(self, host: str, port: int) -> list[Address]:
        """Look a name up without waiting longer than the call may last."""
        try:
            return [address_parse(host.strip("[]"))]
        except ValueError:
            pass
        answer: Future[list[Address]] = Future()
        Thread(target=_lookup, args=(host, port, answer), daemon=True).start()
        try:
            found = answer.result(timeout=self._patience.left(httpcore2.ConnectTimeout))
        except TimeoutError:
            raise httpcore2.ConnectTimeout(f"{host} could not be looked up in time") from None
        except OSError:
            raise httpcore2.ConnectError(f"{host} is not known") from None
        if not found:
            raise httpcore2.ConnectError(f"{host} has no address")
        return found


def _lookup(host: str, port: int, answer: "Future[list[Address]]") -> None:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        answer.set_result([address_parse(str(row[4][0])) for row in rows])
    except (OSError, ValueError) as error:
        answer.set_exception(OSError(str(error)))


def _check_public(host: str, port: int, address: Address) -> None:
    if not address_is_public(address):
        raise EgressRefused(
            f"{host}:{port} is at {address}, which is not a public address; "
            "the operator can list it in EGRESS_ALLOW"
        )


def _is_own(address: Address, port: int) -> bool:
    """Tell whether that is where this very product listens."""
    public = urlsplit(settings.PUBLIC_URL)
    ports = {settings.PORT}
    if public.hostname:
        public_port = public.port or (443 if public.scheme == "https" else 80)
        if port == public_port and host_key(public.hostname) == str(address):
            return True
    return port in ports and _is_local(address_reached(address))


def _is_local(address: Address) -> bool:
    """Tell whether the address is one of this machine's: only those can be bound."""
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
