"""The fields of one step, or of the workflow, as they stand in the draft."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from workflows_app.builder.forms.nodes import Drawing
from workflows_app.builder.forms.sections import (
    Section,
    step_sections,
    triggers_told,
    workflow_sections,
)
from workflows_app.builder.forms.shapes import Shape
from workflows_app.builder.locate import (
    Located,
    bodies_inside,
    keys_of,
    step_locate,
    steps_inside,
    value_at,
)
from workflows_app.builder.offers import offers_for, variables_for
from workflows_app.builder.palette import label_of as kind_label
from workflows_app.core.canonical import digest
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.changes import ABSENT
from workflows_app.errors import NotFound
from workflows_app.models import Workflow
from workflows_app.views.looks import humanise, kind_icon

JSON = Any


class Form:
    """The fields of one step or of the workflow, as one request sees them."""

    def __init__(self, workflow: Workflow, path: str, context: CheckContext) -> None:
        self.workflow = workflow
        self.path = path
        self.context = context
        self.located = _find(workflow, path)
        self.step = self.located.step if self.located else workflow.draft
        self.keys = self.located.keys if self.located else ()
        self.at = self.located.pointer if self.located else ""

    @property
    def sections(self) -> list[Section]:
        """Give the sections with their fields."""
        return step_sections(self.step) if self.located else workflow_sections()

    def value(self, pointer: str) -> JSON:
        """Give what stands at a field now."""
        found = value_at(self.step, keys_of(pointer))
        return triggers_told(found) if pointer == "/triggers" and not self.located else found

    def drawing(self, problems: list[dict[str, JSON]]) -> Drawing:
        """Give what draws the fields, with the problems of this step."""
        settings = self.step.get("with") if self.located else None
        tool = settings.get("tool") if isinstance(settings, Mapping) else None
        own = [
            {**one, "pointer": one["pointer"][len(self.at) :]}
            for one in problems
            if one["pointer"].startswith(f"{self.at}/")
        ]
        states = settings.get("states") if isinstance(settings, Mapping) else None
        names = list(states) if isinstance(states, Mapping) else []
        return Drawing(offers_for(self.context), own, str(tool or ""), names)

    def field(self, pointer: str, shape: Shape, drawing: Drawing) -> dict[str, JSON]:
        """Give one field as its template draws it."""
        value = self.value(pointer)
        return {
            "pointer": pointer,
            "node": drawing.node(shape, value, pointer),
            "was": seen_of(value),
            "problems": _problems(drawing, pointer),
        }


def properties_shown(form: Form, problems: list[dict[str, JSON]]) -> dict[str, JSON]:
    """Give what the properties template draws."""
    drawing = form.drawing(problems)
    sections: list[dict[str, JSON]] = [
        {
            "title": section.title,
            "is_open": section.is_open,
            "fields": [form.field(pointer, shape, drawing) for pointer, shape in section.fields],
        }
        for section in form.sections
    ]
    for section in sections:
        held = [one for one in section["fields"] if one["was"]]
        section["count"] = len(held)
        section["is_open"] = section["is_open"] or any(one["problems"] for one in section["fields"])
    return {
        "workflow": form.workflow,
        "path": form.path,
        "step": form.step,
        "sections": sections,
        "address": address_of(form.workflow.slug, form.path),
        "variables": variables_for(form.workflow, form.path, form.context),
        **_head(form),
    }


def _head(form: Form) -> dict[str, JSON]:
    if form.located is None:
        return {"title": form.workflow.name, "kind_label": "Workflow", "icon": "workflow"}
    kind, identifier = str(form.step.get("kind", "")), str(form.step.get("id") or "")
    inner = [
        {"name": _inner_name(name, one), "path": path, "kind": kind_label(str(one.get("kind")))}
        for name, path, one in steps_inside(form.step, form.path)
    ]
    for name, body in bodies_inside(form.step):
        around = f"{form.path}.{name}" if name else form.path
        inner += [
            {
                "name": str(one.get("name") or humanise(one["id"])),
                "path": f"{around}.{one['id']}",
                "kind": kind_label(str(one.get("kind"))),
            }
            for one in body.get("steps") or ()
            if isinstance(one, Mapping) and isinstance(one.get("id"), str)
        ]
    return {
        "title": str(form.step.get("name") or humanise(identifier or form.path.split(".")[-1])),
        "kind_label": kind_label(kind),
        "icon": kind_icon(kind),
        "identifier": identifier,
        "inner": inner,
    }


def _inner_name(name: str, step: Mapping[str, JSON]) -> str:
    """Give what a step in the settings of another is called: options have only a place."""
    if not name.isdecimal():
        return name
    return str(step.get("name") or step.get("id") or f"Step {int(name) + 1}")


def address_of(slug: str, path: str) -> str:
    """Give where the fields of a step are."""
    address = reverse("workflows:edit_step", args=[slug])
    return f"{address}?{urlencode({'path': path})}" if path else address


def seen_of(value: JSON) -> str:
    """Give a mark of a value, by which a form knows whether it still stands there."""
    if value is ABSENT:
        return ""
    return digest({"value": value})[:32]


def _find(workflow: Workflow, path: str) -> Located | None:
    if not path:
        return None
    found = step_locate(workflow.draft, path) if isinstance(workflow.draft, Mapping) else None
    if found is None:
        raise NotFound(f"The draft has no step {path}.")
    return found


def _problems(drawing: Drawing, pointer: str) -> list[str]:
    return [
        message
        for where, messages in drawing.errors.items()
        if where == pointer or where.startswith(f"{pointer}/")
        for message in messages
    ]
