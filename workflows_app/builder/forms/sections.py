"""Which fields a step and the workflow have, in the sections that people look for them in."""

from collections.abc import Iterable, Iterator, Mapping
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


# Of kinds with many settings, what stands under headings of its own.
_APART: dict[str, dict[str, tuple[str, ...]]] = {
    "approval": {
        "What they see": (
            "details", "recommendation", "confidence", "risk", "impact", "alternatives", "links",
            "requested_by",
        ),
        "Answer and escalation": ("form", "ladder", "calendar", "blind"),
    },
}  # fmt: skip
# Settings that count only with some value of another; they show with it, or when they are set.
_WITH: dict[str, dict[str, tuple[str, str]]] = {
    "merge": {"value": ("mode", "value"), "model": ("mode", "model"), "prompt": ("mode", "model")},
}
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
    apart = _APART.get(str(step.get("kind")), {})
    own = {shape.name: shape for shape in own_shapes(kind, step)}
    later = {name for names in apart.values() for name in names}

    def settings(names: Iterable[str]) -> tuple[tuple[str, Shape], ...]:
        return tuple((f"/with/{name}", own[name]) for name in names if name in own)

    def named(names: tuple[str, ...]) -> tuple[tuple[str, Shape], ...]:
        return tuple((f"/{name}", common[name]) for name in names)

    return [
        Section("Settings", settings(name for name in own if name not in later), is_open=True),
        *(Section(title, settings(names)) for title, names in apart.items()),
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
    settings = step.get("with")
    held = settings if isinstance(settings, Mapping) else {}
    if kind is None or kind.is_hidden:
        return tuple(Shape(name, "value") for name in held)
    rules = _WITH.get(kind.name, {})
    return tuple(shape for shape in _kind_shapes(kind) if _counts(shape, held, rules))


def decides(kind: str, pointer: str) -> bool:
    """Tell whether other settings of the kind come and go with this one."""
    rules = _WITH.get(kind, {})
    return any(pointer == f"/with/{name}" for name, _ in rules.values())


def _counts(shape: Shape, held: Mapping[str, JSON], rules: Mapping[str, tuple[str, str]]) -> bool:
    if shape.name not in rules or shape.name in held:
        return True
    name, value = rules[shape.name]
    return bool(held.get(name) == value)


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
