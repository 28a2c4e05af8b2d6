"""Every error becomes an answer here: a problem document for programs, a page for people."""

import logging
import re
import sys
from collections.abc import Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import Any
from uuid import uuid4

import psycopg
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import sync_and_async_middleware
from ninja.errors import HttpError, ValidationError

from project.json_form import json_text
from workflows_app.core.states import IllegalTransition
from workflows_app.core.strict_json import JsonRefused
from workflows_app.errors import DomainError

logger = logging.getLogger(__name__)
DATABASE_ERRORS = (OperationalError, psycopg.OperationalError)  # the engine's own cursors as well
PROBLEM_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/hooks/")
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
PARAMETER_CODES = {"extra_forbidden": "unknown_field", "missing": "required"}
DETAILS = {
    400: "The request cannot be read.",
    403: "You may not do this.",
    404: "There is no such thing here.",
    405: "This address does not take that method.",
    413: "The request is too large.",
    415: "Send JSON.",
    500: "Something went wrong on our side. What you asked for was not done.",
    503: "The database is busy or not reachable at the moment. What you asked for was not done: "
    "try again in a few seconds.",
}
RETRY_AFTER = {503: "5"}  # seconds
TOO_MUCH = frozenset({"json_too_large"})  # what strict JSON refuses for its size alone
CODES = {400: "bad_request", 405: "method_not_allowed", 413: "too_large", 500: "internal_error"}


def request_id_of(request: HttpRequest) -> str:
    """Give the id that log lines and answers of this request carry."""
    known = getattr(request, "request_id", None)
    if known is None:
        sent = request.headers.get("X-Request-Id", "")
        known = sent if REQUEST_ID.fullmatch(sent) else uuid4().hex
        request.request_id = known  # type: ignore[attr-defined]
    return known


def problem_response(
    request: HttpRequest, status: int, code: str = "", detail: str = "", **extra: Any
) -> HttpResponse:
    """Give an RFC 9457 document; `extra` are further members, empty ones are left out."""
    phrase = HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "code": code or CODES.get(status) or phrase.lower().replace(" ", "_"),
        "detail": detail or DETAILS.get(status, phrase),
        "request_id": request_id_of(request),
    }
    for name, value in extra.items():
        if value is not None and (name, value) != ("problems", []):
            body.setdefault(name, value)
    response = HttpResponse(json_text(body), status=status, content_type=PROBLEM_TYPE)
    _retry_after(response)
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _retry_after(response: HttpResponse) -> None:
    if wait := RETRY_AFTER.get(response.status_code):
        response["Retry-After"] = wait


def problem_of(request: HttpRequest, error: BaseException) -> dict[str, Any]:
    """Give `{status, code, detail, ...}` for any error; an unexpected one is logged and hidden."""
    for kind, describe in DESCRIBED:
        if isinstance(error, kind):
            return describe(request, error)
    logger.error("request %s failed", request_id_of(request), exc_info=error)
    return {"status": 500}


def _of_domain_error(request: HttpRequest, error: Any) -> dict[str, Any]:
    return {"status": error.status, "code": error.code, "detail": error.message, **error.extra}


def _of_json_refused(request: HttpRequest, error: Any) -> dict[str, Any]:
    status = 413 if error.code in TOO_MUCH else 400
    where = {"pointer": error.pointer} if error.pointer else {}
    return {"status": status, "code": error.code, "detail": error.message, **where}


def _of_database(request: HttpRequest, error: Any) -> dict[str, Any]:
    logger.error("request %s: the database failed", request_id_of(request), exc_info=error)
    return {"status": 503, "code": "unavailable"}


def _of_http_error(request: HttpRequest, error: HttpError) -> dict[str, Any]:
    """The framework wraps whatever a body parser raises; what it raised says more."""
    if error.__cause__ is not None and error.status_code == HTTPStatus.BAD_REQUEST:
        inner = problem_of(request, error.__cause__)
        return inner if inner["status"] < 500 else {"status": 400}
    return {"status": error.status_code, "detail": str(error)}


def _of_validation(request: HttpRequest, error: ValidationError) -> dict[str, Any]:
    problems = [_parameter_problem(entry) for entry in error.errors]
    first = problems[0]
    where = first["pointer"] or "the " + first["in"]
    return {
        "status": 422,
        "code": "invalid",
        "detail": f"{where}: {first['message']}",
        "problems": problems,
    }


def _parameter_problem(entry: dict[str, Any]) -> dict[str, Any]:
    """Turn `{"loc": ("body", "payload", "mode"), ...}` into a pointer into what was sent."""
    place, *path = entry["loc"]
    if place == "body":
        path = path[1:]  # without the name of our own argument
    escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return {
        "in": place,
        "pointer": "".join(f"/{part}" for part in escaped),
        "code": PARAMETER_CODES.get(entry["type"], entry["type"]),
        "message": entry["msg"],
    }


DESCRIBED: tuple[tuple[Any, Callable[[HttpRequest, Any], dict[str, Any]]], ...] = (
    (DomainError, _of_domain_error),
    (IllegalTransition, lambda _, e: {"status": 409, "code": "illegal_state", "detail": str(e)}),
    (JsonRefused, _of_json_refused),
    (ValidationError, _of_validation),
    (HttpError, _of_http_error),
    ((Http404, ObjectDoesNotExist), lambda *_: {"status": 404}),
    (PermissionDenied, lambda *_: {"status": 403}),
    (RequestDataTooBig, lambda *_: {"status": 413}),
    (DATABASE_ERRORS, _of_database),
)
EXPECTED = (DomainError, IllegalTransition, ObjectDoesNotExist, *DATABASE_ERRORS)


def api_error(request: HttpRequest, error: Any) -> HttpResponse:
    """Answer any error of the API with a problem document."""
    return problem_response(request, **problem_of(request, error))


def page_error(request: HttpRequest, status: int, **problem: Any) -> HttpResponse:
    """Answer a person: what failed, that nothing else changed, and the request's id."""
    context = {
        "status": status,
        "title": HTTPStatus(status).phrase,
        "detail": problem.get("detail") or DETAILS.get(status, ""),
        "problem": problem,
        "request_id": request_id_of(request),
    }
    # Without a database the page is drawn for nobody in particular: who is signed in is a row.
    drawn_for = None if status == HTTPStatus.SERVICE_UNAVAILABLE else request
    try:
        response = render(drawn_for, "errors/problem.html", context, status=status)
        _retry_after(response)
        return response
    except Exception:  # the page of an error must not fail itself
        logger.exception("request %s: its error page failed", context["request_id"])
        text = f"{context['title']}. {context['detail']} Request {context['request_id']}."
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def wants_problem(request: HttpRequest) -> bool:
    return request.path.startswith(API_PREFIXES)


def answer(request: HttpRequest, error: BaseException) -> HttpResponse:
    """Answer an error as the address asks for it."""
    problem = problem_of(request, error)
    reply = problem_response if wants_problem(request) else page_error
    return reply(request, **problem)


def handler(status: int) -> Callable[..., HttpResponse]:
    """Give Django's handler for errors that no view caused."""

    def handle(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if isinstance(error := sys.exception(), DATABASE_ERRORS):  # also before any view
            return answer(request, error)
        reply = problem_response if wants_problem(request) else page_error
        return reply(request, status)

    return handle


handler400, handler403, handler404, handler500 = (handler(code) for code in (400, 403, 404, 500))


def _finish(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Make a problem of what the framework itself refused, and name the request."""
    refused = response.status_code >= HTTPStatus.BAD_REQUEST and wants_problem(request)
    if refused and response.headers.get("Content-Type") != PROBLEM_TYPE:
        plain, response = response, problem_response(request, response.status_code)
        for name in ("Allow", "Retry-After"):
            if name in plain.headers:
                response[name] = plain.headers[name]
    response.headers.setdefault("X-Request-Id", request_id_of(request))
    return response


@sync_and_async_middleware
def problem_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[..., Any]:
    """Name every request, and turn the errors of views into answers."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _finish(request, await get_response(request))

    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:  # type: ignore[misc]
            return _finish(request, get_response(request))

    def process_exception(request: HttpRequest, error: Exception) -> HttpResponse | None:
        return answer(request, error) if isinstance(error, EXPECTED) else None

    middleware.process_exception = process_exception  # type: ignore[attr-defined]
    return middleware


__all__ = [
    "answer",
    "api_error",
    "handler400",
    "handler403",
    "handler404",
    "handler500",
    "page_error",
    "problem_middleware",
    "problem_response",
]
