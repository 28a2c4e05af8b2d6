"""The document that the API gives of itself is complete, and every route lives up to it."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.api.callers import Caller
from tests.api.conformance import operations

JUNK: tuple[Any, ...] = (
    b"",
    b"[]",
    b"null",
    b'"text"',
    b"{}",
    b"[1]",
    b'{"unknown": 1}',
    b"{broken",
    json.dumps(
        {"definition": [], "reason": 5, "input": None, "items": {}, "revision": -1}
    ).encode(),
    json.dumps({"name": "x" * 5000, "definition": {"format": 99}}).encode(),
)


def named() -> list[Any]:
    return [pytest.param(*entry, id=f"{entry[0]} {entry[1]}") for entry in operations()]


def address(path: str, filled: dict[str, str]) -> str:
    for name, value in filled.items():
        path = path.replace("{" + name + "}", value)
    return path.removeprefix("/api/v1/")


def filled(operation: dict[str, Any]) -> dict[str, str]:
    """Give a value of the right form for each path parameter; nothing has that name."""
    values = {}
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            schema = parameter["schema"]
            form = schema.get("format") or schema.get("type")
            values[parameter["name"]] = {"uuid": str(uuid4()), "integer": "1"}.get(form, "nothing")
    return values


def test_the_document_is_public_json(client, db):
    answer = client.get("/api/v1/openapi.json")

    assert answer.status_code == 200
    assert answer.json()["openapi"].startswith("3.")


def test_operation_ids_are_unique():
    ids = [operation["operationId"] for _, _, operation in operations()]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("method", "path", "operation"), named())
def test_every_refusal_is_documented_as_a_problem(method, path, operation):
    expected = {"422", "500"} | ({"401", "403"} if operation.get("security") else set())
    expected |= {"404"} if "{" in path else set()
    expected |= {"400", "409", "413"} if method != "get" else set()

    assert expected <= operation["responses"].keys()
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            assert list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize(("method", "path", "operation"), named())
def test_every_answer_has_a_schema(method, path, operation):
    for status, response in operation["responses"].items():
        if status not in {"202", "204"} and int(status) < 300:
            assert response.get("content"), status


@pytest.mark.parametrize(("method", "path", "operation"), named())
def test_nobody_unknown_gets_past_any_route(method, path, operation, anonymous: Caller):
    if not operation.get("security"):
        pytest.skip("open to everyone")

    answer = anonymous.call(method, address(path, filled(operation)), b"{broken")

    assert answer.status_code == 401


@pytest.mark.parametrize(("method", "path", "operation"), named())
def test_no_body_makes_a_route_fail(method, path, operation, api: Caller):
    target = address(path, filled(operation))

    statuses = [api.call(method, target, body).status_code for body in JUNK]

    assert all(status < 500 for status in statuses), statuses


@pytest.mark.parametrize(("method", "path", "operation"), named())
def test_what_does_not_exist_is_404_or_refused_for_its_body(method, path, operation, api: Caller):
    if "{" not in path or method == "put":
        pytest.skip("it names nothing that must exist")

    answer = api.call(method, address(path, filled(operation)), b"{}")

    assert answer.status_code in {404, 422}
