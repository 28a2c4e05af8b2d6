"""An agent's conversation as data that one turn hands to the next."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from workflows_app.agents.core.requests import ModelReply
from workflows_app.agents.core.schemas import schema_problem
from workflows_app.agents.core.tool_spec import ToolSpec, model_name, tool_named
from workflows_app.core.canonical import digest

JSON = Any
MAX_RESULT = 100_000  # characters of a tool's result that go back to the model


def conversation_next(prompt: str, previous: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    """Give the messages of the next turn: the task, or what came before and its results."""
    messages = previous.get("messages")
    if not messages:
        return [{"role": "user", "content": prompt}]
    return [*messages, {"role": "user", "content": list(previous.get("results") or ())}]


def tools_offered(specs: Sequence[ToolSpec]) -> list[dict[str, JSON]]:
    """Give tools as a model sees them; a schema that is no object's is wrapped by none."""
    return [
        {
            "name": model_name(spec.name),
            "description": spec.description or spec.name,
            "input_schema": {"type": "object", **spec.input},
        }
        for spec in specs
    ]


def calls_read(reply: ModelReply, specs: Sequence[ToolSpec]) -> list[dict[str, JSON]]:
    """Give the calls that a model asks for: `[{id, tool, arguments, error}]`.

    A tool that was not offered, or arguments that break its schema, leave `tool` empty: such a
    call is answered with its `error` and never made.
    """
    known = {spec.name: spec for spec in specs}
    calls = []
    for asked in reply.calls:
        name = tool_named(asked["name"], list(known))
        error = _call_error(asked, known.get(name or ""))
        calls.append(
            {
                "id": asked["id"],
                "tool": "" if error else name,
                "arguments": asked["arguments"],
                "error": error,
            }
        )
    return calls


def _call_error(asked: Mapping[str, JSON], spec: ToolSpec | None) -> str:
    if spec is None:
        return f"there is no tool named {asked['name']}"
    if not isinstance(asked["arguments"], dict):
        return "the arguments must be an object"
    problem = schema_problem(asked["arguments"], spec.input)
    return f"these arguments break the tool's schema: {problem}" if problem else ""


def call_repeats(messages: Sequence[Mapping[str, JSON]], reply: ModelReply) -> int:
    """Give how often the most repeated call, with the same arguments, was asked for so far."""
    blocks = [
        block
        for message in (*messages, {"role": "assistant", "content": reply.content})
        if message["role"] == "assistant" and not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == "tool_use"
    ]
    counts: dict[str, int] = {}
    for block in blocks:
        key = digest([block["name"], block["input"]])
        counts[key] = counts.get(key, 0) + 1
    return max(counts.values(), default=0)


def tool_result(call_id: str, value: JSON, *, is_error: bool = False) -> dict[str, JSON]:
    """Give the block that tells a model what a tool gave, or why it gave nothing."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_RESULT:
        text = f"{text[:MAX_RESULT]}\n[cut off: {len(text)} characters in all]"
    block = {"type": "tool_result", "tool_use_id": call_id, "content": text or "(empty)"}
    return {**block, "is_error": True} if is_error else block
