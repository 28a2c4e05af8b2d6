"""The stand-in model: answers without a model, always the same way, and says so.

It reads data out of the prompt, fills the schema that is wanted, chooses labels by words and
calls each tool at most once. Rehearsals run on it, and installations without a key.
"""

import json
from typing import Any

from workflows_app.agents.core.evidence import Evidence
from workflows_app.agents.core.fill import Filler
from workflows_app.agents.core.labels import label_choose
from workflows_app.agents.core.requests import ModelReply, ModelRequest, message_text
from workflows_app.agents.core.schemas import schema_problem

JSON = Any
MODEL = "stand-in"
UNSURE = 0.3
MAX_DRAFT = 600


def stand_in_reply(request: ModelRequest) -> ModelReply:
    """Answer a request; `details` marks the answer as the stand-in's."""
    evidence = Evidence([message_text(message) for message in request.messages])
    block, stop = _call(request, evidence), "tool_use"
    if block is None:
        block, stop = {"type": "text", "text": _answer(request, evidence)}, "end_turn"
    size = sum(len(text) for text in evidence.texts) + len(request.system)
    return ModelReply(
        content=[block],
        stop=stop,
        input_tokens=size // 4 + 1,
        output_tokens=len(json.dumps(block)) // 4 + 1,
        details={"stand_in": True, "model": MODEL},
    )


def stand_in_value(schema: JSON, texts: list[str]) -> JSON:
    """Fill a schema from texts: what a simulated tool gives."""
    return Filler(evidence=Evidence(texts), root=schema).fill(schema)


def _call(request: ModelRequest, evidence: Evidence) -> dict[str, JSON] | None:
    used = {
        block["name"]
        for message in request.messages
        if message["role"] == "assistant" and not isinstance(message["content"], str)
        for block in message["content"]
        if block["type"] == "tool_use"
    }
    for tool in request.tools:
        if tool["name"] not in used:
            schema = tool["input_schema"]
            arguments = Filler(evidence=evidence, root=schema).fill(schema)
            return {
                "type": "tool_use",
                "id": f"standin_{len(used)}",
                "name": tool["name"],
                "input": arguments,
            }
    return None


def _answer(request: ModelRequest, evidence: Evidence) -> str:
    if request.stand_in is not None:
        return json.dumps(request.stand_in, ensure_ascii=False)
    if request.labels:
        label, confidence = label_choose(request.labels, evidence.whole)
        return json.dumps({"label": label or request.labels[0], "confidence": confidence or UNSURE})
    if request.schema is not None:
        return json.dumps(_filled(request.schema, evidence), ensure_ascii=False)
    draft = " ".join(evidence.sentences) or evidence.whole.strip() or "an empty prompt"
    return f"Drafted by the stand-in model, from: {draft[:MAX_DRAFT]}"


def _filled(schema: JSON, evidence: Evidence) -> JSON:
    """Fill with all properties; if that breaks the schema, with the required ones alone."""
    value = Filler(evidence=evidence, root=schema).fill(schema)
    if schema_problem(value, schema) is None or not isinstance(value, dict):
        return value
    needed = set(schema.get("required") or ())
    return {name: part for name, part in value.items() if name in needed}
