"""The kinds `model` and `router`: one question to a model."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from workflows_app.agents.ask import ask_text, ask_value
from workflows_app.agents.client import model_first, usage_of
from workflows_app.agents.core.answers import label_read, label_schema
from workflows_app.agents.core.requests import ModelRequest
from workflows_app.core.definition.markers import Fixed, Literal, SchemaDocument
from workflows_app.core.kinds import Call, Done, Kind, StepError

JSON = Any


def user_message(prompt: JSON) -> list[dict[str, JSON]]:
    """Give a conversation of one message.

    Raises:
        StepError: there is nothing to ask.
    """
    text = prompt if isinstance(prompt, str) else ""
    if not text.strip():
        raise StepError("empty_prompt", "the prompt is empty once its data is filled in")
    return [{"role": "user", "content": text}]


class ModelSettings(BaseModel):
    """Ask a model once."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed = Field(description="A model's role, such as small or large.")
    prompt: str = Field(description="What to ask; {{ }} fills data in.")
    output: SchemaDocument | None = Field(
        default=None, description="JSON Schema of the answer; without it the answer is text."
    )


class ModelKind(Kind):
    """One question; the answer is text, or an object by the schema, repaired once."""

    name = "model"
    primitive = "call"
    needs_model = True
    settings = ModelSettings
    label = "Model"
    group = "Work"
    summary = "Asks a model once and gives its text, or an object by a schema."

    def run(self, call: Call) -> Done:
        role, schema = call.settings["model"], call.settings.get("output")
        request = ModelRequest(messages=user_message(call.settings["prompt"]), schema=schema)
        ask = ask_text if schema is None else ask_value
        asked = ask(call, [role], request)
        return Done(output=asked.value, usage=asked.usage, details=asked.details)


Label = Annotated[str, Field(min_length=1, max_length=100), Literal()]


class RouterSettings(BaseModel):
    """Let a model choose one of the labels."""

    model_config = ConfigDict(extra="forbid")

    model: Fixed = Field(description="A model's role; a small one is usually enough.")
    labels: list[Label] = Field(min_length=1, max_length=500, description="Each is a port.")
    prompt: str = Field(description="What to label; {{ }} fills data in.")


class RouterKind(Kind):
    """Limited to its labels; whatever else the model says goes to `default`."""

    name = "router"
    primitive = "call"
    needs_model = True
    settings = RouterSettings
    label = "Router"
    group = "Work"
    summary = "Lets a model choose one of the labels; each label is a way onward."

    def ports(self, settings: Mapping[str, JSON]) -> tuple[str, ...]:
        labels = settings.get("labels")
        named = labels if isinstance(labels, list) else []
        return (*(label for label in named if isinstance(label, str)), "default")

    def run(self, call: Call) -> Done:
        labels = call.settings["labels"]
        request = ModelRequest(
            messages=user_message(call.settings["prompt"]),
            system=_TASK.format(labels="\n".join(f"- {label}" for label in labels)),
            schema=label_schema(labels),
            labels=labels,
        )
        reply = model_first(call, [call.settings["model"]], request)
        said, confidence, label = label_read(reply.text, labels)
        return Done(
            output={"label": label or said, "confidence": confidence},
            port=label or "default",
            usage=usage_of(reply),
            details=dict(reply.details),
        )


_TASK = "Choose the one label that fits the message best, or none if no label fits:\n{labels}"
