"""The one API: `/api/v1/`, documented at `/api/v1/openapi.json`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.renderers import BaseRenderer

from project.api_document import document
from project.errors import api_error
from project.json_form import json_text
from project.parts import attribute_of
from workflows_app.api.auth import BODY_LIMIT, TooLarge
from workflows_app.core.strict_json import strict_loads
from workflows_app.errors import DomainError, Invalid

ROUTERS = (
    ("", "workflows_app.api.definitions"),
    ("", "workflows_app.api.transfer"),
    ("", "workflows_app.api.runs"),
    ("", "workflows_app.api.controls"),
    ("", "workflows_app.api.bulk"),
    ("", "workflows_app.api.people"),
    ("", "workflows_app.api.events"),
    ("", "workflows_app.api.triggers"),
    ("", "approvals_app.api"),
    ("", "approvals_app.api_beside"),
    ("", "approvals_app.api_examples"),
    ("", "workflows_app.agents.api"),
    ("", "workflows_app.agents.api_breakers"),
    ("", "workflows_app.agents.api_mcp"),
    ("", "workflows_app.evidence.api"),
)


class UnsupportedBody(DomainError):
    """The body is not JSON, or is packed."""

    status = 415
    code = "unsupported_media_type"


class StrictParser(Parser):
    """Reads JSON strictly, and never more of it than the call takes."""

    def parse_body(self, request: HttpRequest) -> Any:
        kind = request.content_type or ""
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedBody(f"Send JSON as application/json, not as {kind}.")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise UnsupportedBody("Packed bodies are not taken.")
        limit = getattr(request, "body_limit", BODY_LIMIT)
        if len(request.body) > limit:
            raise TooLarge(f"The body may have up to {limit:,} bytes.", limit=limit)
        return strict_loads(request.body, max_bytes=limit)


class StrictRenderer(BaseRenderer):
    """Writes JSON that a strict reader takes back."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> str:
        return json_text(data)


def known_parameters_only(run: Callable[..., Any]) -> Callable[..., Any]:
    """Let the API know which query parameters the operation takes, before it reads them."""
    operation = cast("Operation", run.__self__)  # type: ignore[attr-defined]
    names = frozenset(
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    )

    @wraps(run)
    def checked(request: HttpRequest, **kwargs: Any) -> Any:
        request.query_names = names  # type: ignore[attr-defined]
        return run(request, **kwargs)

    return checked


class ProductAPI(NinjaAPI):
    """Django-ninja, made strict where it is lenient."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        # The first thing after authentication, so strangers learn nothing of our parameters.
        query_check(request)
        return super().create_temporal_response(request)

    def get_openapi_schema(self, **kwargs: Any) -> Any:
        return document(self, super().get_openapi_schema(**kwargs))

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def query_check(request: HttpRequest) -> None:
    """Refuse query parameters that the operation does not know, or that no text column holds.

    Raises:
        Invalid: one problem for each.
    """
    names: frozenset[str] = getattr(request, "query_names", frozenset())
    unknown = sorted(set(request.GET) - names)
    spoiled = sorted(name for name, value in request.GET.items() if "\x00" in value)
    problems = [
        {"in": "query", "pointer": f"/{name}", "code": code, "message": message}
        for found, code, message in (
            (unknown, "unknown_field", "there is no such parameter"),
            (spoiled, "control_character", "may not hold U+0000"),
        )
        for name in found
    ]
    if problems:
        first = problems[0]
        raise Invalid(f"{first['pointer'][1:]}: {first['message']}", problems=problems)


def api_build() -> NinjaAPI:
    """Make the API of all parts that are installed."""
    built = ProductAPI(
        title="Countersign",
        version="1",
        description="Workflows of AI agents that people countersign. See docs/api.md.",
        urls_namespace="api",
        docs_url=None,
        parser=StrictParser(),
        renderer=StrictRenderer(),
    )
    for error in (Exception, DomainError, ValidationError, HttpError, Http404):
        built.add_exception_handler(error, api_error)
    built.add_decorator(known_parameters_only, mode="view")
    for prefix, module in ROUTERS:
        if router := attribute_of(module, "router"):
            built.add_router(prefix, router)
    return built


api = api_build()
