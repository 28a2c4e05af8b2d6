"""Completes the OpenAPI document: who may call, and every problem that may come back."""

from typing import Any

from django.conf import settings
from ninja import NinjaAPI

from workflows_app.api.auth import Needs
from workflows_app.api.schemas import Problem

JSON_TYPE = "application/json"
PROBLEM_TYPE = "application/problem+json"
ALWAYS = {500: "An error of ours; `request_id` names it", 503: "The database is away"}
WITH_OBJECT = {404: "It does not exist, or you may not know that it does"}
KNOWN = {401: "Nobody is known to ask", 403: "The scope or the role is missing"} | WITH_OBJECT
WITH_BODY = {
    400: "The body is no strict JSON",
    409: "The state forbids it; `allowed` names what it allows",
    413: "The body is too large",
    415: "The body is no JSON",
}
WITH_INPUT = {422: "Something in it is unknown, missing or wrong; `problems` says what"}


def document(api: NinjaAPI, schema: Any) -> Any:
    """Give the document with the problems, the schemes and the scopes written in."""
    components = schema["components"]
    components["schemas"]["Problem"], parts = _problem_schema()
    components["schemas"].update(parts)
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
    }
    needed = _needs_by_id(api)
    for item in schema["paths"].values():
        for method, operation in item.items():
            _complete(operation, method, needed.get(operation["operationId"]))
    return schema


def _problem_schema() -> tuple[dict[str, Any], dict[str, Any]]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return schema, schema.pop("$defs", {})


def _needs_by_id(api: NinjaAPI) -> dict[str, Needs]:
    return {
        operation.operation_id or api.get_openapi_operation_id(operation): callback
        for router in api._get_bound_routers()
        for view in router.path_operations.values()
        for operation in view.operations
        for callback in operation.auth_callbacks
        if isinstance(callback, Needs)
    }


def _complete(operation: dict[str, Any], method: str, need: Needs | None) -> None:
    problems = dict(ALWAYS)
    if need is not None:
        problems |= KNOWN
        operation["security"] = [{"bearer": []}, {"session": []}]
        if need.scopes:
            operation["x-scope"] = list(need.scopes)
    places = {parameter["in"] for parameter in operation["parameters"]}
    if "path" in places:
        problems |= WITH_OBJECT
    if method != "get":
        problems |= WITH_BODY
    problems |= WITH_INPUT  # an unknown query parameter, wherever it is sent
    for status, description in problems.items():
        operation["responses"].setdefault(status, {"description": description})
    _as_problems(operation["responses"])


def _as_problems(responses: dict[Any, Any]) -> None:
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status, response in responses.items():
        if int(status) >= 400 and JSON_TYPE not in response.get("content", {}):
            response["content"] = {PROBLEM_TYPE: reference}
        elif int(status) >= 400:
            response["content"] = {PROBLEM_TYPE: response["content"].get(JSON_TYPE, reference)}
        elif int(status) != 204:  # a file: the route says its type in the answer
            response.setdefault("content", {"*/*": {}})
