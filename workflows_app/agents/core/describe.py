"""Asking a model to draft a workflow from a sentence: what it is told, and how it is repaired."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from workflows_app.core.definition import CheckContext, Problem
from workflows_app.core.definition.ports import ports_of
from workflows_app.core.kinds import Kind

JSON = Any
RULES = """\
You draft workflow definitions for a system in which people countersign what agents do.
Answer with one JSON object, the definition, and nothing else.

Format 1:
{"format": 1, "name": text, "description": text, "input": JSON Schema with "examples",
 "output": value, "steps": [step], "edges": [{"from": "step" or "step.port", "to": "step"}]}
A step is {"id": snake_case, "kind": kind, "with": settings}, and may carry "when" (CEL), "retry",
"timeout", "approval" and "undo". Edges form no circle; repetition is a loop, map or state machine.
Every step has the ports done and error; some kinds have more.

Expressions are CEL. A text that begins with = is an expression, {{ CEL }} stands in texts;
conditions are bare CEL. Variables: input, steps.<id>.output of earlier steps, item and index in a
map. Numbers are doubles: write 500.0, not 500. What a step gave that may have been skipped is
steps.x.?output.orValue(null).

A step whose tool changes something outside needs "approval": {"summary": text,
"assignees": ["group:NAME"], "deadline": "24h"}; lead its ports rejected and expired somewhere.
Use only the kinds, tools, groups and models listed here. Keep it small: what was asked, no more.
"""
SCHEMA = {"type": "object"}


def describe_prompt(sentence: str, kinds: Iterable[Kind], context: CheckContext) -> str:
    """Give what the model is asked: the kinds, what the workspace has, and the sentence."""
    parts = ["Kinds:", *(_kind(kind) for kind in kinds)]
    parts += ["", "Tools:", *(_tools(context) or ["(none)"])]
    groups = sorted(name for name, people in (context.groups or {}).items() if people)
    parts += ["", f"Groups of people: {', '.join(groups) or '(none)'}"]
    parts += [f"Models: {', '.join(sorted(context.models or ()))}"]
    parts += ["", "Draft the workflow that this describes:", sentence]
    return "\n".join(parts)


def repair_prompt(problems: Sequence[Problem]) -> str:
    """Give the sentence that asks for a definition without these problems."""
    found = "\n".join(f"- {one.pointer or '/'}: {one.message}" for one in problems[:30])
    return (
        f"The definition has problems:\n{found}\n"
        "Answer again with the whole corrected definition as one JSON object."
    )


def _kind(kind: Kind) -> str:
    schema = kind.settings.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    names = [f"{name}*" if name in required else name for name in schema.get("properties", {})]
    ports = [port for port in ports_of({"kind": kind.name, "with": {}}) if port != "error"]
    return f"- {kind.name}: {kind.summary} with: {', '.join(names)}; ports: {', '.join(ports)}"


def _tools(context: CheckContext) -> list[str]:
    return [
        f"- {name} ({tool.effect}): {json.dumps(_properties(tool.input))}"
        for name, tool in sorted((context.tools or {}).items())
        if tool.is_enabled
    ][:80]


def _properties(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    found = schema.get("properties")
    return {
        name: one.get("type", "any") if isinstance(one, Mapping) else "any"
        for name, one in (found if isinstance(found, Mapping) else {}).items()
    }
