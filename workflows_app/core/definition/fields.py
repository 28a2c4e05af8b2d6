"""Read a settings model's markers: which parts of the settings are values, which are not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from workflows_app.core.definition import markers
from workflows_app.core.strict_json import pointer_escape

JSON = Any
Marker = (
    markers.Condition
    | markers.Evaluated
    | markers.Schema
    | markers.BodySpec
    | markers.StepSpec
    | markers.Literal
)
_MARKERS = (
    markers.Condition,
    markers.Evaluated,
    markers.Schema,
    markers.BodySpec,
    markers.StepSpec,
    markers.Literal,
)


@dataclass(frozen=True)
class Plan:
    """How one part of the settings is read: a marker, fields with plans, or a plain value."""

    marker: Marker | None = None
    fields: Mapping[str, "Plan"] = field(default_factory=dict)
    each: "Plan | None" = None  # of a list's items or an object's members


VALUE = Plan()


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the settings with its pointer; without a marker it is a value."""

    pointer: str
    value: JSON
    marker: Marker | None


@lru_cache(maxsize=512)
def plan_of(model: type[BaseModel]) -> Plan:
    """Give how the fields of a settings model are read."""
    return Plan(
        fields={
            info.alias or name: _plan(
                Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
            )
            for name, info in model.model_fields.items()
        }
    )


def parts(settings: JSON, model: type[BaseModel], pointer: str = "") -> Iterator[Part]:
    """Give the parts of a step's `with`: each value, and each field that is marked."""
    yield from _parts(settings, plan_of(model), pointer)


def _parts(value: JSON, plan: Plan, pointer: str) -> Iterator[Part]:
    if plan.marker is None and isinstance(value, Mapping) and (plan.fields or plan.each):
        for key, item in value.items():
            inner = plan.fields.get(key, VALUE) if plan.fields else plan.each
            yield from _parts(item, inner or VALUE, f"{pointer}/{pointer_escape(str(key))}")
    elif plan.marker is None and isinstance(value, list) and plan.each is not None:
        for index, item in enumerate(value):
            yield from _parts(item, plan.each, f"{pointer}/{index}")
    else:
        yield Part(pointer, value, plan.marker)


def _plan(annotation: Any) -> Plan:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        marker = next((item for item in metadata if isinstance(item, _MARKERS)), None)
        return Plan(marker=marker) if marker else _plan(inner)
    if origin in (Union, UnionType):
        plans = [_plan(option) for option in get_args(annotation)]
        return next((plan for plan in plans if plan != VALUE), VALUE)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return plan_of(annotation)
    if origin in (list, tuple, dict, Mapping):
        each = _plan(get_args(annotation)[-1]) if get_args(annotation) else VALUE
        return Plan(each=each) if each != VALUE else VALUE
    return VALUE
