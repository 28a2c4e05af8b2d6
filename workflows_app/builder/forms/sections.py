"""Which fields a step and the workflow have, in the sections that people look for them in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from workflows_app.builder.forms.shapes import Shape, gate_shapes, guardrails_shape, shapes_of
from workflows_app.core.definition.models import (
    Definition,
    EventTrigger,
    ScheduleTrigger,
    Step,
    WebhookTrigger,
)
from workflows_app.core.kinds import Kind, kinds

JSON = Any


@dataclass(frozen=True, slots=True)
class Section:
    """Some fields under one heading, each with its pointer from the step."""

    title: str
    fields: tuple[tuple[str, Shape], ...]
    is_open: bool = False


_FLOW = ("when", "join", "rest", "until", "exclusive")
_ERRORS = ("optional", "timeout", "retry", "effect", "idempotent", "cache")
_PEOPLE = ("approval", "review", "risk")
_SAFETY = ("guardrails", "undo")
_NOTES = ("name", "description")
_GENERAL = ("name", "description", "input", "output")
_RUN = ("limits", "on_failure")
TRIGGER_KINDS = ("event", "schedule", "webhook")


def step_sections(step: Mapping[str, JSON]) -> list[Section]:
    """Give the sections of a step: its kind's own settings first."""
    kind = kinds().get(str(step.get("kind")))
    common = {shape.name: shape for shape in common_shapes()}
    own = tuple((f"/with/{shape.name}", shape) for shape in own_shapes(kind, step))

    def named(names: tuple[str, ...]) -> tuple[tuple[str, Shape], ...]:
        return tuple((f"/{name}", common[name]) for name in names)

    return [
        Section("Settings", own, is_open=True),
        Section("When it runs", named(_FLOW)),
        Section("Errors and repeats", named(_ERRORS)),
        Section("People", named(_PEOPLE)),
        Section("Safety", named(_SAFETY)),
        Section("Notes", named(_NOTES)),
    ]


def workflow_sections() -> list[Section]:
    """Give the sections of the workflow itself."""
    shapes = {shape.name: shape for shape in shapes_of(Definition)}
    triggers = Shape("triggers", "variants", variants=_trigger_variants())
    shapes["triggers"] = replace(triggers, help="What starts a run by itself.")
    shapes["guardrails"] = guardrails_shape("guardrails")
    shapes["name"] = replace(shapes["name"], is_required=True)

    def named(names: tuple[str, ...]) -> tuple[tuple[str, Shape], ...]:
        return tuple((f"/{name}", shapes[name]) for name in names)

    return [
        Section("Workflow", named(_GENERAL), is_open=True),
        Section("Triggers", named(("triggers",)), is_open=True),
        Section("Limits", named(_RUN)),
        Section("Safety", named(("guardrails",))),
    ]


def field_find(sections: list[Section], pointer: str) -> Shape | None:
    """Give the field of a pointer, or None where no form has it."""
    for section in sections:
        for where, shape in section.fields:
            if where == pointer:
                return shape
    return None


def own_shapes(kind: Kind | None, step: Mapping[str, JSON]) -> tuple[Shape, ...]:
    """Give the fields of a kind's settings; of an unknown kind whatever it holds."""
    if kind is not None and not kind.is_hidden:
        return tuple(_kind_shapes(kind))
    settings = step.get("with")
    held = settings if isinstance(settings, Mapping) else {}
    return tuple(Shape(name, "value") for name in held)


def common_shapes() -> Iterator[Shape]:
    """Give the fields that any step may carry."""
    for shape in shapes_of(Step):
        match shape.name:
            case "approval" | "review" if "approval" in kinds():
                fields = gate_shapes("gate" if shape.name == "approval" else "review")
                yield replace(shape, input="object", fields=fields)
            case "guardrails":
                yield guardrails_shape("guardrails")
            case "join":
                yield replace(shape, input="join")
            case "cache":
                yield replace(shape, input="cache")
            case "risk":
                choices = ("low", "medium", "high", "critical")
                yield replace(shape, input="scalar", choices=choices)
            case _:
                yield shape


def triggers_told(triggers: JSON) -> JSON:
    """Give triggers with the field `check` that says which of the three each is."""
    if not isinstance(triggers, list):
        return triggers
    return [
        {"check": next((name for name in TRIGGER_KINDS if name in one), "event"), **one}
        if isinstance(one, Mapping)
        else one
        for one in triggers
    ]


def triggers_kept(triggers: JSON) -> JSON:
    """Give triggers as the definition keeps them."""
    if not isinstance(triggers, list):
        return triggers
    return [
        {key: value for key, value in one.items() if key != "check"}
        if isinstance(one, Mapping)
        else one
        for one in triggers
    ]


def _kind_shapes(kind: Kind) -> Iterator[Shape]:
    for shape in shapes_of(kind.settings):
        checkpoint = kinds().get("checkpoint")
        if kind.name == "plan" and shape.name == "approve" and checkpoint is not None:
            yield replace(shape, input="object", fields=shapes_of(checkpoint.settings))
        else:
            yield shape


def _trigger_variants() -> dict[str, tuple[Shape, ...]]:
    models: list[type[BaseModel]] = [EventTrigger, ScheduleTrigger, WebhookTrigger]
    return {name: shapes_of(model) for name, model in zip(TRIGGER_KINDS, models, strict=True)}
