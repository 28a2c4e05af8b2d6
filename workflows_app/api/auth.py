"""Who may call a route: a bearer token, or the session of the browser with its CSRF token."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from workflows_app.errors import DomainError, Forbidden
from workflows_app.models import User
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.services.tokens import Unauthenticated, token_check

BODY_LIMIT = 1_000_000  # bytes
INPUT_LIMIT = 25_000_000  # bytes, where a run's input may come in
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class TooLarge(DomainError):
    """The body is larger than this call takes."""

    status = 413
    code = "too_large"


class _CsrfCheck(CsrfViewMiddleware):
    """Tells why it refuses instead of making a page of it."""

    def _reject(self, request: HttpRequest, reason: str) -> str:
        return reason


def csrf_problem(request: HttpRequest) -> str | None:
    """Say why the CSRF token does not count, or None where it does.

    The middleware let every route of the API pass, since a token call has no cookie to abuse.
    """
    check = _CsrfCheck(lambda _: HttpResponse())
    request.csrf_processing_done = False  # type: ignore[attr-defined]
    check.process_request(request)
    refused: object = check.process_view(request, HttpResponse, (), {})
    return cast("str | None", refused)


class Needs:
    """Lets a call through whose principal has one of `scopes` somewhere.

    Which workspace it has it in is checked where the object is known (`Principal.require`).
    This runs before the body is read, so nobody unknown makes us parse anything.
    """

    def __init__(self, scopes: tuple[str, ...], body_limit: int) -> None:
        self.scopes = scopes
        self.body_limit = body_limit

    def __call__(self, request: HttpRequest) -> Principal:
        principal = principal_of_request(request)
        if self.scopes and not principal.scopes.intersection(self.scopes):
            names = " or ".join(self.scopes)
            raise Forbidden(f"This needs the scope {names}.", code="scope_missing", scope=names)
        body_limit_check(request, self.body_limit)
        return principal


def needs(*scopes: str, body_limit: int = BODY_LIMIT) -> Needs:
    """Give the `auth` of a route; without scopes it is enough to be known."""
    return Needs(scopes, body_limit)


def principal_of_request(request: HttpRequest) -> Principal:
    """Give who is asking.

    Raises:
        Unauthenticated: nobody is signed in and no good token came.
        Forbidden: a session without its CSRF token.
    """
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("Send `Authorization: Bearer <token>`.")
        return token_check(token.strip())
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        raise Unauthenticated("Send `Authorization: Bearer <token>`, or sign in.")
    if request.method not in SAFE_METHODS and (refused := csrf_problem(request)):
        raise Forbidden(refused, code="csrf_failed")
    return principal_of_user(cast("User", user))


def body_limit_check(request: HttpRequest, limit: int) -> None:
    """Refuse a body that announces more bytes than the call takes, and note its limit."""
    request.body_limit = limit  # type: ignore[attr-defined]
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if announced.isdecimal() and int(announced) > limit:
        raise TooLarge(f"The body may have up to {limit:,} bytes.", limit=limit)


def principal(request: HttpRequest) -> Principal:
    """Give the principal that `needs` found."""
    return cast("Any", request).auth
