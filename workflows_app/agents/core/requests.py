"""One model call as plain data: what is asked, and what came back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows_app.agents.core.schemas import closed_schema, schema_from_text, schema_to_text

JSON = Any
DEFAULT_MAX_TOKENS = 8_192


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """What a model is asked.

    Args:
        messages: as in the Messages API, `[{"role", "content"}]`; the last is the user's.
        tools: `[{"name", "description", "input_schema"}]` under the names the model sees.
        schema: JSON Schema of the answer; None wants text.
        labels: a router's labels, which the stand-in model chooses among.
        stand_in: what the stand-in model answers where its own way would make no sense.
    """

    messages: Sequence[Mapping[str, JSON]]
    system: str = ""
    tools: Sequence[Mapping[str, JSON]] = ()
    schema: Mapping[str, JSON] | None = None
    labels: Sequence[str] = ()
    stand_in: JSON = None
    max_tokens: int = DEFAULT_MAX_TOKENS

    def body(self) -> dict[str, JSON]:
        """Give the arguments of the Messages API, without the model."""
        body: dict[str, JSON] = {"max_tokens": self.max_tokens, "messages": list(self.messages)}
        if system := self._system():
            body["system"] = system
        if self.tools:
            body["tools"] = [dict(tool) for tool in self.tools]
        if self.schema is not None and (closed := closed_schema(self.schema)) is not None:
            body["output_config"] = {"format": {"type": "json_schema", "schema": closed}}
        return body

    def _system(self) -> str:
        parts = [self.system] if self.system else []
        if self.schema is not None:
            parts.append(schema_to_text(self.schema))
        return "\n\n".join(parts)

    @staticmethod
    def from_body(body: Mapping[str, JSON]) -> "ModelRequest":
        """Read back what `body` gave."""
        system = body.get("system") or ""
        return ModelRequest(
            messages=body["messages"],
            system=system,
            tools=body.get("tools") or (),
            schema=schema_from_text(system),
            max_tokens=body["max_tokens"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What a model answered.

    Args:
        content: the content blocks, as they go back into the conversation.
        stop: `end_turn`, `tool_use`, `max_tokens`, `refusal`, ...
        details: goes into the attempt: model, request id, `stand_in`.
    """

    content: Sequence[Mapping[str, JSON]]
    stop: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    details: Mapping[str, JSON] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The text blocks, joined."""
        return "".join(block["text"] for block in self.content if block["type"] == "text").strip()

    @property
    def calls(self) -> list[dict[str, JSON]]:
        """The tools asked for: `[{"id", "name", "arguments"}]`."""
        return [
            {"id": block["id"], "name": block["name"], "arguments": block["input"]}
            for block in self.content
            if block["type"] == "tool_use"
        ]


def message_text(message: Mapping[str, JSON]) -> str:
    """Give all text of one message, tool results included."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (_block_text(block) for block in content)))


def _block_text(block: Mapping[str, JSON]) -> str:
    if block["type"] == "text":
        return str(block["text"])
    if block["type"] == "tool_result":
        content = block.get("content") or ""
        return content if isinstance(content, str) else "\n".join(map(_block_text, content))
    return ""
