"""The inner steps of an agent: a turn, the result of one call, the checked answer.

They stand in expansions only. The conversation is data: a turn gets it from the turn before,
so a crash repeats one turn and never more.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.ask import value_check
from workflows_app.agents.client import model_first, usage_of
from workflows_app.agents.core.conversation import (
    call_repeats,
    calls_read,
    conversation_next,
    tool_result,
    tools_offered,
)
from workflows_app.agents.core.requests import ModelReply, ModelRequest
from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.redaction import redact
from workflows_app.agents.selectors.tools import ToolUnknown, tool_lookup
from workflows_app.core.definition.markers import Fixed, SchemaDocument
from workflows_app.core.kinds import Call, Done, Kind, StepError

JSON = Any


class TurnSettings(BaseModel):
    """One turn of an agent."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed
    fallback_models: list[Fixed] = Field(default_factory=list)
    prompt: JSON
    previous: JSON = None
    tools: list[Fixed] = Field(default_factory=list)
    output: SchemaDocument | None = None
    repeats: int = 0


class TurnKind(Kind):
    """Ask the model to go on; gives its text or the calls it asks for, and the conversation."""

    name = "agent_turn"
    primitive = "call"
    needs_model = True
    is_hidden = True
    settings = TurnSettings
    label = "Turn"
    group = "More"
    summary = "One turn of an agent: the model answers or asks for tools."

    def run(self, call: Call) -> Done:
        settings = call.settings
        prompt = settings.get("prompt")
        if not isinstance(prompt, str) or not prompt.strip():
            raise StepError("empty_prompt", "the prompt is empty once its data is filled in")
        messages = conversation_next(prompt, settings.get("previous") or {})
        specs = _specs(call, settings.get("tools") or ())
        request = ModelRequest(
            messages=messages, tools=tools_offered(specs), schema=settings.get("output")
        )
        roles = [settings["model"], *(settings.get("fallback_models") or ())]
        reply = model_first(call, roles, request)
        self._check_repeats(settings.get("repeats") or 0, messages, reply)
        return Done(
            output=redact(_turn(messages, reply, specs)),
            usage=usage_of(reply),
            details=dict(reply.details),
        )

    def _check_repeats(self, limit: int, messages: list[JSON], reply: ModelReply) -> None:
        if limit and reply.calls and call_repeats(messages, reply) >= limit:
            raise StepError(
                "repeats",
                f"the agent asked for the same call {limit} times",
                usage=usage_of(reply),
                details=dict(reply.details),
            )


def _specs(call: Call, names: Any) -> list[ToolSpec]:
    try:
        found = [
            tool_lookup(workspace_id=call.workspace_id, name=name, pins=call.pins.get("tools"))
            for name in names
        ]
    except ToolUnknown as error:
        raise StepError("unknown_tool", str(error)) from None
    return [spec for spec in found if spec.is_enabled]


def _turn(messages: list[JSON], reply: ModelReply, specs: list[ToolSpec]) -> dict[str, JSON]:
    calls = calls_read(reply, specs)
    said = [dict(block) for block in reply.content]
    return {
        "text": reply.text,
        "calls": calls,
        "messages": [*messages, {"role": "assistant", "content": said}] if said else messages,
        "done": not calls,
        "stop": reply.stop,
    }


class ResultSettings(BaseModel):
    """What to tell the model of one call."""

    model_config = ConfigDict(extra="forbid")

    call: JSON


class ResultKind(Kind):
    """Give the tool's result, or the reason why there is none, as the model will read it."""

    name = "agent_result"
    primitive = "pure"
    reads_sources = True
    is_hidden = True
    settings = ResultSettings
    label = "Result"
    group = "More"
    summary = "Turns the outcome of a call into what the model reads."

    def run(self, call: Call) -> Done:
        asked: Mapping[str, JSON] = call.settings["call"]
        taken = next(
            (one for name, one in call.sources.items() if name != "_pick" and one.taken), None
        )
        if taken is None:
            block = tool_result(asked["id"], asked.get("error") or "not available", is_error=True)
        elif taken.state == "succeeded":
            block = tool_result(asked["id"], taken.output)
        else:
            block = tool_result(asked["id"], _reason(taken.error), is_error=True)
        return Done(output=block)


def _reason(error: JSON) -> str:
    if not isinstance(error, Mapping):
        return "The call was not made: its condition does not hold."
    match error.get("code"):
        case "rejected":
            return f"The call was rejected by a person: {error.get('message')}"
        case "expired":
            return "The call was not made: nobody approved it in time."
    return f"The call failed ({error.get('code')}): {error.get('message')}"


class AnswerSettings(BaseModel):
    """Check an agent's last words against its schema."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed
    fallback_models: list[Fixed] = Field(default_factory=list)
    last: JSON
    output: SchemaDocument


class AnswerKind(Kind):
    """Give the agent's answer by its schema; one that breaks it is repaired once."""

    name = "agent_answer"
    primitive = "call"
    needs_model = True
    is_hidden = True
    settings = AnswerSettings
    label = "Answer"
    group = "More"
    summary = "Checks an agent's answer against its schema and has it repaired once."

    def run(self, call: Call) -> Done:
        settings = call.settings
        last = settings["last"]
        said = {"type": "text", "text": last["text"]}
        messages = last["messages"]
        if messages and messages[-1]["role"] == "assistant":
            messages = messages[:-1]
        asked = value_check(
            call,
            [settings["model"], *(settings.get("fallback_models") or ())],
            ModelRequest(messages=messages, schema=settings["output"]),
            ModelReply(content=[said] if last["text"] else [], stop="end_turn"),
        )
        return Done(output=asked.value, usage=asked.usage, details=asked.details or None)
