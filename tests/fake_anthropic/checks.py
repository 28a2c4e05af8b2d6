"""What the real service refuses, the fake one refuses too."""

import re
from typing import Any

FIELDS = {
    "max_tokens", "messages", "model", "cache_control", "container", "diagnostics",
    "inference_geo", "metadata", "output_config", "service_tier", "speed", "stop_sequences",
    "stream", "system", "thinking", "tool_choice", "tools",
}  # fmt: skip
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def refusal(headers: dict[str, str], body: Any) -> tuple[int, str] | None:
    """Give (status, message) of what is wrong with a request, or None."""
    if not headers.get("x-api-key") and not headers.get("authorization"):
        return 401, "x-api-key header is required"
    if "anthropic-version" not in headers:
        return 400, "anthropic-version: header is required"
    if not isinstance(body, dict):
        return 400, "the body must be an object"
    problem = _fields(body) or _messages(body["messages"]) or _tools(body) or _format(body)
    return (400, problem) if problem else None


def _fields(body: dict[str, Any]) -> str | None:
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            return f"{name}: Field required"
    unknown = sorted(set(body) - FIELDS)
    return f"{unknown[0]}: Extra inputs are not permitted" if unknown else None


def _messages(messages: list[dict[str, Any]]) -> str | None:
    if not messages or messages[0].get("role") != "user":
        return "messages: first message must use the user role"
    if messages[-1]["role"] != "user":
        return "messages: this model does not support assistant message prefill"
    asked: set[str] = set()
    for index, message in enumerate(messages):
        blocks = message["content"]
        if blocks in ("", []):
            return f"messages.{index}: content must not be empty"
        if isinstance(blocks, str):
            blocks = [{"type": "text", "text": blocks}]
        results = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if results != asked:
            return f"messages.{index}: tool_use ids and tool_result blocks do not match"
        if any(block["type"] == "text" and not block["text"].strip() for block in blocks):
            return f"messages.{index}: text content blocks must be non-empty"
        asked = {block["id"] for block in blocks if block["type"] == "tool_use"}
    return None


def _tools(body: dict[str, Any]) -> str | None:
    names = [tool.get("name", "") for tool in body.get("tools", ())]
    for index, name in enumerate(names):
        if not TOOL_NAME.fullmatch(name):
            return f"tools.{index}.name: String should match pattern '{TOOL_NAME.pattern}'"
        if body["tools"][index].get("input_schema", {}).get("type") != "object":
            return f"tools.{index}.input_schema.type: Field required"
    return "tools: Tool names must be unique" if len(set(names)) < len(names) else None


def _format(body: dict[str, Any]) -> str | None:
    wanted = (body.get("output_config") or {}).get("format")
    return _closed(wanted["schema"]) if wanted else None


def _closed(schema: Any) -> str | None:
    if isinstance(schema, list):
        return next((problem for item in schema if (problem := _closed(item))), None)
    if not isinstance(schema, dict):
        return None
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return (
            "output_config.format.schema: For 'object' type, 'additionalProperties' must be false"
        )
    return next((problem for item in schema.values() if (problem := _closed(item))), None)
