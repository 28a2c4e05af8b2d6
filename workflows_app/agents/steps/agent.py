"""The kind `agent`: a model with tools, drawn as one box and run as steps of its own."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.steps.dispatch import step_ids
from workflows_app.agents.steps.rails import guarded, rails_of
from workflows_app.core.definition.markers import (
    ConditionText,
    ExpressionText,
    Fixed,
    SchemaDocument,
)
from workflows_app.core.definition.markers import Literal as Untouched
from workflows_app.core.kinds import Kind

JSON = Any
TURNS = 10
CONCURRENCY = 8


class AgentTool(BaseModel):
    """A tool that an agent may use, and on which terms."""

    model_config = ConfigDict(extra="forbid")

    tool: Fixed
    when: ConditionText | None = None
    approval: Annotated[dict[str, Any] | Literal["none"] | None, Untouched()] = None


class AgentSettings(BaseModel):
    """Let a model work with tools until it has its answer."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed = Field(description="A model's role, such as small or large.")
    prompt: str = Field(description="The task; {{ }} fills data in.")
    tools: list[Fixed | AgentTool] = Field(default_factory=list, description="What it may call.")
    output: SchemaDocument | None = Field(
        default=None, description="JSON Schema of the answer; without it the answer is text."
    )
    turns: Annotated[int, Field(ge=1, le=100)] | ExpressionText = Field(
        default=TURNS, description="After so many turns it gives up."
    )
    fallback_models: list[Fixed] = Field(
        default_factory=list, description="Roles to ask, in order, when the model fails."
    )


class AgentKind(Kind):
    """Becomes a loop `turn` of a model and a map `call` of the tools it asks for."""

    name = "agent"
    needs_model = True
    settings = AgentSettings
    label = "Agent"
    group = "Work"
    summary = "A model with tools; each turn and each call is a step of its own."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        return ("exhausted",)

    def expand(self, step: dict[str, JSON]) -> dict[str, JSON]:
        settings = step.get("with") or {}
        inner = ("kind", "with", "retry", "guardrails")
        outer = {key: value for key, value in step.items() if key not in inner}
        return {**outer, "kind": "group", "with": {"body": agent_body(settings, step)}}


def agent_body(settings: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the body of an agent: its task, its turns, and the check of its answer.

    The task is filled in once, outside the loop, where `previous` still means the caller's.
    """
    schema = settings.get("output")
    turn = {
        "id": "turn",
        "kind": "loop",
        "with": {
            "limit": settings.get("turns", TURNS),
            "until": "output.done == true",
            "body": _turn_body(settings, step),
        },
    }
    task = {
        "id": "_task",
        "kind": "transform",
        "with": {"value": settings.get("prompt")},
        **guarded(step, "before"),
    }
    spent = {"id": "_spent", "kind": "end", "with": {"outcome": "exhausted"}}
    edges = [{"from": "_task", "to": "turn"}, {"from": "turn.exhausted", "to": "_spent"}]
    answer = "=steps.turn.?output.?last.?text.orValue(null)"
    checked = guarded(step, "after")
    if schema is None and not checked:
        return {"steps": [task, turn, spent], "edges": edges, "output": answer}
    if schema is None:
        check = {"id": "_check", "kind": "transform", "with": {"value": answer}, **checked}
        edges.append({"from": "turn", "to": "_check"})
        return {
            "steps": [task, turn, check, spent],
            "edges": edges,
            "output": "=steps._check.output",
        }
    check = {
        "id": "_check",
        "kind": "agent_answer",
        "with": {
            "model": settings.get("model"),
            "fallback_models": list(settings.get("fallback_models") or ()),
            "last": "=steps.turn.output.last",
            "output": schema,
        },
        **_retry(step),
        **checked,
    }
    edges.append({"from": "turn", "to": "_check"})
    return {"steps": [task, turn, check, spent], "edges": edges, "output": "=steps._check.output"}


def _retry(step: Mapping[str, JSON]) -> dict[str, JSON]:
    """The agent's `retry` is meant for its model calls: a container is never run again."""
    return {"retry": step["retry"]} if step.get("retry") else {}


def _turn_body(settings: Mapping[str, JSON], step: Mapping[str, JSON]) -> dict[str, JSON]:
    tools = [_tool(entry) for entry in settings.get("tools") or ()]
    reply = {
        "id": "model",
        "kind": "agent_turn",
        "with": {
            "model": settings.get("model"),
            "fallback_models": list(settings.get("fallback_models") or ()),
            "prompt": "=steps._task.output",
            "previous": "=previous",
            "tools": [tool["tool"] for tool in tools],
            "output": settings.get("output"),
            "repeats": _repeats(step),
        },
        **_retry(step),
    }
    output = {
        "done": "=steps.model.output.done",
        "text": "=steps.model.output.text",
        "messages": "=steps.model.output.messages",
    }
    if not tools:
        return {"steps": [reply], "edges": [], "output": output}
    call = {
        "id": "call",
        "kind": "map",
        "with": {
            "items": "=steps.model.output.calls",
            "concurrency": CONCURRENCY,
            "body": _call_body(tools, rails_of(step, "call")),
        },
    }
    return {
        "steps": [reply, call],
        "edges": [{"from": "model", "to": "call"}],
        "output": {**output, "results": "=steps.call.output.items"},
    }


def _call_body(tools: list[dict[str, JSON]], rails: list[JSON]) -> dict[str, JSON]:
    """Give the body of one call: the tool that is meant, on its terms, and what came of it."""
    names = step_ids([tool["tool"] for tool in tools])
    pick = {
        "id": "_pick",
        "kind": "decision",
        "with": {
            "branches": [
                {"port": name, "when": f"item.tool == {json.dumps(tool['tool'])}"}
                for name, tool in zip(names, tools, strict=True)
            ]
        },
    }
    result = {"id": "_result", "kind": "agent_result", "with": {"call": "=item"}}
    steps, edges = [pick], [{"from": "_pick.default", "to": "_result"}]
    for name, tool in zip(names, tools, strict=True):
        steps.append(_tool_step(name, tool) | ({"guardrails": rails} if rails else {}))
        edges.append({"from": f"_pick.{name}", "to": name})
        ports = ["done", "error"]
        if isinstance(tool.get("approval"), dict):
            ports += ["rejected", "expired"]
        edges += [{"from": f"{name}.{port}", "to": "_result"} for port in ports]
    return {"steps": [*steps, result], "edges": edges, "output": "=steps._result.output"}


def _tool_step(name: str, tool: Mapping[str, JSON]) -> dict[str, JSON]:
    step: dict[str, JSON] = {
        "id": name,
        "kind": "tool",
        "with": {"tool": tool["tool"], "arguments": "=item.arguments"},
    }
    if tool.get("when"):
        step["when"] = tool["when"]
    if isinstance(tool.get("approval"), dict):
        step["approval"] = tool["approval"]
    return step


def _tool(entry: JSON) -> dict[str, JSON]:
    return {"tool": entry} if isinstance(entry, str) else dict(entry)


def _repeats(step: Mapping[str, JSON]) -> int:
    """A `repeats` guardrail of the agent is kept by each of its turns."""
    limits = [
        int(rail.get("calls", 3))
        for rail in step.get("guardrails") or ()
        if rail.get("check") == "repeats" and rail.get("mode", "on") == "on"
    ]
    return min(limits, default=0)
