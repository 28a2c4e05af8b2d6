"""Holds every answer against the OpenAPI document that the API gives of itself."""

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker


@cache
def document() -> dict[str, Any]:
    """Give the document as a client reads it: as JSON."""
    from project.api import api
    from project.json_form import json_text

    return json.loads(json_text(api.get_openapi_schema(path_prefix="/api/v1/")))


@cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """Give the paths as patterns, those with fewer parameters first."""
    templates = sorted(document()["paths"], key=lambda path: (path.count("{"), path))
    return [
        (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template))), template)
        for template in templates
    ]


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Give each operation as (method, path template, description)."""
    return [
        (method, path, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
    ]


def described(method: str, path: str) -> dict[str, Any] | None:
    """Give the operation that an address leads to."""
    bare = path.split("?", 1)[0]
    for pattern, template in _patterns():
        if pattern.fullmatch(bare):
            found = document()["paths"][template].get(method)
            if found is not None:
                return found
    return None


def assert_documented(method: str, path: str, answer: Any) -> None:
    """Check that the status is documented and that the body fits its schema."""
    operation = described(method, path)
    if operation is None:
        assert answer.status_code in {404, 405}, (method, path, answer.status_code)
        return
    responses = operation["responses"]
    assert str(answer.status_code) in responses, (method, path, answer.status_code, answer.content)
    content = responses[str(answer.status_code)].get("content", {})
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if not content or answer.streaming or "*/*" in content:
        return
    assert kind in content, (method, path, answer.status_code, kind)
    if not kind.endswith("json"):
        return
    schema = _expand(content[kind].get("schema", {}), ())
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    errors = [error.message for error in validator.iter_errors(answer.json())]
    assert not errors, (method, path, answer.status_code, errors[:3])


def _expand(schema: Any, seen: tuple[str, ...]) -> Any:
    """Write the references out."""
    if isinstance(schema, list):
        return [_expand(item, seen) for item in schema]
    if not isinstance(schema, dict):
        return schema
    reference = schema.get("$ref")
    if not isinstance(reference, str):
        return {key: _expand(value, seen) for key, value in schema.items()}
    name = reference.rsplit("/", 1)[-1]
    if name in seen:
        return {}  # a schema that holds itself is checked to its first level
    return _expand(document()["components"]["schemas"][name], (*seen, name))
