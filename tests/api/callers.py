"""A client that speaks JSON as the outside world does, and people to send it for."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from tests.api.conformance import assert_documented
from workflows_app.models import Workspace
from workflows_app.services.people import person_create, token_create

INPUT = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}
DOUBLE = {
    "format": 1,
    "name": "Double",
    "input": INPUT,
    "output": "=steps.double.output",
    "steps": [{"id": "double", "kind": "transform", "with": {"value": "=input.n * 2.0"}}],
    "edges": [],
}
ALL_SCOPES = ("read", "run", "design", "decide", "admin")


@dataclass
class Caller:
    """One caller of the API, with a token or with nothing."""

    token: str | None = None
    client: Client = field(default_factory=Client)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send a request and hold the answer against the API's own document.

        `body` is a value, or bytes to be sent as they are.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.client.generic(
            method.upper(),
            f"/api/v1/{path}",
            b"" if body is None else data,
            content_type="application/json",
            headers=sent,
        )
        assert_documented(method, f"/api/v1/{path}", answer)
        return answer

    def get(self, path: str, **headers: str) -> Any:
        return self.call("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("put", path, {} if body is None else body, **headers)


def caller_of(
    workspace: Workspace,
    name: str,
    *,
    roles: tuple[str, ...] = ("admin",),
    scopes: tuple[str, ...] = ALL_SCOPES,
) -> Caller:
    """Give a caller with a token of that person."""
    user = person_create(username=name, workspace=workspace, roles=roles)
    return Caller(token_create(workspace=workspace, scopes=scopes, actor="operator", user=user))


def assert_problem(answer: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check an RFC 9457 document and give it."""
    assert answer.status_code == status, answer.content[:500]
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail", "code", "request_id"} <= body.keys()
    assert code is None or body["code"] == code
    return body


def publish(api: Caller, slug: str = "double", definition: dict | None = None) -> None:
    """Make and publish a workflow."""
    body = {"name": "Double", "slug": slug, "definition": definition or DOUBLE}
    made = api.post("workflows", body)
    assert made.status_code == 201, made.content
    revision = made.json()["draft"]["revision"]
    published = api.post(f"workflows/{slug}/publish", {"revision": revision, "note": "first"})
    assert published.status_code == 201, published.content
