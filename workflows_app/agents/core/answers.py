"""Reading a model's answer: JSON by a schema, or a router's label."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workflows_app.agents.core.schemas import schema_problem
from workflows_app.core.strict_json import JsonRefused, strict_loads

JSON = Any
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\s*\n(.*?)\n?```\s*\Z", re.DOTALL)


def answer_read(text: str, schema: Mapping[str, JSON]) -> tuple[JSON, str | None]:
    """Give (value, problem): a JSON value that follows the schema, or what is wrong."""
    fenced = _FENCE.match(text)
    try:
        value = strict_loads(fenced.group(1) if fenced else text)
    except JsonRefused as error:
        if schema.get("type") == "string" and not schema_problem(text, schema):
            return text, None
        return None, error.message
    return value, schema_problem(value, schema)


def repair_prompt(problem: str) -> str:
    """Give the sentence that asks for a corrected answer."""
    return (
        f"That answer cannot be used: {problem}.\nAnswer again with the corrected JSON value alone."
    )


def label_schema(labels: Sequence[str]) -> dict[str, JSON]:
    """Give the schema of a router's answer; `none` is for a message that fits no label."""
    return {
        "type": "object",
        "required": ["label", "confidence"],
        "properties": {
            "label": {"type": "string", "enum": [*labels, *_none(labels)]},
            "confidence": {
                "type": "number",
                "minimum": 0,
                "maximum": 1,
                "description": "how sure you are, from 0 to 1",
            },
        },
        "additionalProperties": False,
    }


def _none(labels: Sequence[str]) -> list[str]:
    return [] if "none" in labels else ["none"]


def label_read(text: str, labels: Sequence[str]) -> tuple[str, float, str | None]:
    """Give (what the model said, its confidence, the label that it means or None)."""
    said, confidence = text.strip().strip("\"'`."), 0.0
    fenced = _FENCE.match(text)
    try:
        value = strict_loads(fenced.group(1) if fenced else text)
    except JsonRefused:
        value = None
    if isinstance(value, list):
        return said[:200], confidence, None
    if isinstance(value, dict):
        said = str(value.get("label") or "")
        confidence = _share(value.get("confidence"))
    return said[:200], confidence, label_named(said, labels)


def _share(value: JSON) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return min(max(float(value), 0.0), 1.0)


def label_named(said: str, labels: Sequence[str]) -> str | None:
    """Give the label that a text names, spelling of blanks and case aside."""
    if said in labels:
        return said
    plain = _plain(said)
    return next((label for label in labels if plain and _plain(label) == plain), None)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
