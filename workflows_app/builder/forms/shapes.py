"""What kind of input each field of a settings model wants, read from its annotation."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workflows_app.core.definition import markers
from workflows_app.core.kinds import kinds

Input = Literal[
    "text", "long", "number", "switch", "select", "chips", "scalar", "duration", "condition",
    "value", "schema", "people", "arguments", "texts", "rows", "named", "pairs", "object",
    "variants", "body", "step", "steps", "json", "join", "cache", "gate",
]  # fmt: skip
_LONG = frozenset(
    {"prompt", "summary", "details", "recommendation", "description", "policy", "impact"}
)
_MARKERS = (
    markers.Condition, markers.Evaluated, markers.Schema, markers.BodySpec, markers.StepSpec,
    markers.Literal, markers.People,
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """One field: its name in the document, its input, and what lies inside it.

    `choices` are names of a closed list; `source` says where an open list of names comes from:
    `models`, `tools`, `workflows`, `people`. `fields` are those of an object or of each row,
    `each` the shape of each item, `variants` the fields by the value of the field `check`.
    """

    name: str
    input: Input
    is_required: bool = False
    help: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    source: str = ""
    fields: tuple["Shape", ...] = ()
    each: "Shape | None" = None
    variants: Mapping[str, tuple["Shape", ...]] | None = None
    is_boolean: bool = True
    bare: str = ""  # an item may be this field alone, as a text

    def named(self, name: str) -> "Shape":
        """Give the same input under another name."""
        return replace(self, name=name)


SOURCES = {
    "model": "models", "fallback_models": "models", "tool": "tools", "slug": "workflows",
    "assignees": "people",
}  # fmt: skip


@lru_cache(maxsize=256)
def shapes_of(model: type[BaseModel]) -> tuple[Shape, ...]:
    """Give the fields of a settings model in their order."""
    return tuple(field_shape(name, info) for name, info in model.model_fields.items())


def field_shape(name: str, info: FieldInfo) -> Shape:
    """Give the input of one field."""
    label = info.alias or name
    annotation = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    default = None if info.is_required() else info.get_default(call_default_factory=True)
    return replace(
        shape(label, annotation),
        is_required=info.is_required(),
        help=info.description or "",
        default=default if isinstance(default, str | int | float | bool) else None,
    )


def shape(name: str, annotation: Any) -> Shape:
    """Give the input that a type wants."""
    if _is_duration(annotation):
        return Shape(name, "duration")
    inner, marker = _apart(annotation)
    inner = _without_none(inner)
    if get_origin(inner) is Annotated:
        return shape(name, Annotated[(inner, marker)] if marker and not _apart(inner)[1] else inner)
    marked = _by_marker(name, inner, marker)
    return marked or _by_type(name, inner)


def _by_marker(name: str, inner: Any, marker: Any) -> Shape | None:
    match marker:
        case markers.Condition(is_boolean=is_boolean):
            return Shape(name, "condition", is_boolean=is_boolean)
        case markers.Schema():
            return Shape(name, "schema")
        case markers.BodySpec():
            return Shape(name, "body")
        case markers.StepSpec():
            return Shape(name, "step")
        case markers.People():
            return Shape(name, "people", source="people")
        case markers.Evaluated() if name == "arguments":
            return Shape(name, "arguments")
    if name == "guardrails":
        return guardrails_shape(name)
    return None


def _by_type(name: str, inner: Any) -> Shape:
    origin = get_origin(inner)
    if name == "arguments":
        return Shape(name, "arguments")
    if origin is Literal:
        return Shape(name, "select", choices=tuple(map(str, get_args(inner))))
    if origin in (Union, UnionType):
        return _union(name, list(get_args(inner)))
    if origin in (list, tuple):
        return _listed(name, get_args(inner)[0] if get_args(inner) else Any)
    if origin in (dict, Mapping):
        return _mapped(name, get_args(inner)[-1] if get_args(inner) else Any)
    if isinstance(inner, type) and issubclass(inner, BaseModel):
        return Shape(name, "object", fields=shapes_of(inner))
    return _scalar(name, inner)


def _scalar(name: str, inner: Any) -> Shape:
    if inner is bool:
        return Shape(name, "switch")
    if inner in (int, float):
        return Shape(name, "number")
    if inner is str:
        if name in SOURCES:
            return Shape(name, "scalar", source=SOURCES[name])
        return Shape(name, "long" if name in _LONG else "text")
    return Shape(name, "value")


def _union(name: str, options: list[Any]) -> Shape:
    found = [shape(name, option) for option in options]
    inputs = [one.input for one in found]
    if name == "approval":
        return Shape(name, "gate", fields=gate_shapes("gate"))
    for wanted in ("rows", "texts", "object", "condition", "arguments", "people"):
        if wanted in inputs:
            return found[inputs.index(wanted)]
    if "select" in inputs:
        choices = next(one.choices for one in found if one.input == "select")
        return Shape(name, "scalar", choices=choices)
    if set(inputs) <= {"number", "text", "scalar", "duration"}:
        return Shape(name, "scalar")
    return Shape(name, "value")


def _listed(name: str, item: Any) -> Shape:
    variants = variants_of(item)
    if variants:
        return Shape(name, "variants", variants=variants)
    each = shape("", item)
    if each.input == "step":
        return Shape(name, "steps", each=each)
    if each.input == "object":
        bare = each.fields[0].name if _may_be_text(item) else ""
        return Shape(name, "rows", fields=each.fields, bare=bare)
    if each.input == "select":
        return Shape(name, "chips", choices=each.choices)
    if each.input in ("text", "scalar", "duration"):
        return Shape(name, "texts", source=SOURCES.get(name, ""))
    return Shape(name, "json")


def _may_be_text(item: Any) -> bool:
    """Tell whether an item is a name or an object, such as a tool and its terms."""
    inner = _apart(item)[0]
    options = get_args(inner) if get_origin(inner) in (Union, UnionType) else ()
    return any(_apart(option)[0] is str for option in options)


def _mapped(name: str, item: Any) -> Shape:
    each = shape("", item)
    if each.input == "step":
        return Shape(name, "steps", each=each)
    if each.input == "object":
        return Shape(name, "named", fields=each.fields)
    if each.input == "text":
        return Shape(name, "pairs")
    return Shape(name, "value")


def variants_of(annotation: Any) -> dict[str, tuple[Shape, ...]]:
    """Give the fields of each check, where a type is a choice of checks."""
    inner, _ = _apart(annotation)
    found: dict[str, tuple[Shape, ...]] = {}
    for option in get_args(inner) if get_origin(inner) in (Union, UnionType) else ():
        if not (isinstance(option, type) and issubclass(option, BaseModel)):
            continue
        if "check" in option.model_fields:
            shapes = tuple(one for one in shapes_of(option) if one.name != "check")
            for name in get_args(option.model_fields["check"].annotation):
                found[name] = shapes
    return found


def gate_shapes(kind: str) -> tuple[Shape, ...]:
    """Give the fields of a gate before a step, or of a `review` after it: when and who first."""
    model = getattr(kinds().get("approval"), kind, None)
    fields = shapes_of(model) if model is not None else ()
    first = tuple(one for one in fields if one.name in ("when", "assignees"))
    return first + tuple(one for one in fields if one not in first)


def guardrails_shape(name: str) -> Shape:
    """Give the list of checks, with what each of them may be set to."""
    guard = kinds().get("guard")
    if guard is None:
        return Shape(name, "json")
    return field_shape("checks", guard.settings.model_fields["checks"]).named(name)


def _is_duration(annotation: Any) -> bool:
    """Durations are texts with a check of their own; one that may be left out is one as well."""
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        named = [getattr(getattr(item, "func", None), "__name__", "") for item in metadata]
        return "_duration" in named or _is_duration(inner)
    inner = _without_none(annotation)
    return inner is not annotation and _is_duration(inner)


def _apart(annotation: Any) -> tuple[Any, Any]:
    if get_origin(annotation) is not Annotated:
        return annotation, None
    inner, *metadata = get_args(annotation)
    marker = next((item for item in metadata if isinstance(item, _MARKERS)), None)
    if isinstance(inner, type) or get_origin(inner) is not Annotated:
        return inner, marker
    deeper, own = _apart(inner)
    return deeper, marker or own


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    options = [option for option in get_args(annotation) if option is not type(None)]
    if len(options) == len(get_args(annotation)):
        return annotation
    return options[0] if len(options) == 1 else reduce(or_, options)
