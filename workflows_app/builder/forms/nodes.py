"""What the template draws: the fields of a form as a tree of inputs with their values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workflows_app.builder.forms.fits import fits
from workflows_app.builder.forms.schema_drawn import rows_drawn
from workflows_app.builder.forms.schema_rows import FORMATS, TYPES, schema_rows
from workflows_app.builder.forms.shapes import Shape
from workflows_app.builder.forms.texts import OPERATORS, condition_rows, value_show
from workflows_app.builder.forms.words import choice_of, hint_of, label_of
from workflows_app.core.definition.changes import ABSENT

JSON = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What the workspace has to choose from."""

    models: tuple[str, ...] = ()
    tools: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)  # name: input schema
    workflows: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    people_notes: Mapping[str, str] = field(default_factory=dict)  # how many a group has
    kinds: tuple[tuple[str, str], ...] = ()  # of steps inside: name, label

    def of(self, source: str) -> tuple[str, ...]:
        """Give the names of one source."""
        return tuple(self.tools) if source == "tools" else getattr(self, source, ())


@dataclass(slots=True, kw_only=True)
class Node:
    """One input with everything that its template needs."""

    name: str
    id: str
    pointer: str
    input: str
    label: str
    hint: str = ""
    value: JSON = ABSENT
    text: str = ""
    default: str = ""
    is_required: bool = False
    is_on: bool = False
    choices: list[tuple[str, str]] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    suggestions: list[str] = field(default_factory=list)
    children: list["Node"] = field(default_factory=list)
    rows: list[dict[str, JSON]] = field(default_factory=list)
    mode: str = ""
    links: list[dict[str, str]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_first: bool = True  # shown at once; the others on demand

    @property
    def count(self) -> int:
        """How many rows there are, an empty one for the next included."""
        return len(self.rows)


class Drawing:
    """Builds the tree of one form."""

    def __init__(
        self,
        offers: Offers,
        problems: Iterable[Mapping[str, JSON]] = (),
        tool: str = "",
        states: Iterable[str] = (),
    ) -> None:
        self.offers = offers
        self.tool = tool
        self.states = list(states)  # of a state machine, to choose from
        self.errors: dict[str, list[str]] = {}
        for problem in problems:
            self.errors.setdefault(problem["pointer"], []).append(problem["message"])

    def node(self, shape: Shape, value: JSON, pointer: str, name: str = "v", key: str = "") -> Node:
        """Give the input of one field with its value."""
        shown = shape.input if fits(shape, value) else "value"
        made = Node(
            name=name,
            id=f"{key or _id(pointer)}",
            pointer=pointer,
            input=shown,
            label=label_of(shape.name, pointer),
            hint=hint_of(shape.name, shape.help, pointer),
            value=value,
            text="" if value is ABSENT or value is None else _text(shown, value),
            default="" if shape.default is None else str(shape.default),
            is_required=shape.is_required,
            errors=self.errors.get(pointer, []),
        )
        draw = getattr(self, f"_{shown}", None)
        if draw is not None:
            draw(made, shape, value)
        return made

    def _inner(self, made: Node, shapes: Iterable[Shape], value: JSON, place: str) -> list[Node]:
        holder = value if isinstance(value, Mapping) else {}
        outer = self.tool
        self.tool = str(holder["tool"]) if isinstance(holder.get("tool"), str) else outer
        drawn = [
            self.node(
                shape,
                holder.get(shape.name, ABSENT),
                f"{made.pointer}{place}/{shape.name}",
                f"{made.name}{place}/{shape.name}",
                f"{made.id}{place.replace('/', '-')}-{shape.name}",
            )
            for shape in shapes
        ]
        self.tool = outer
        is_needed = [one.is_required or one.value is not ABSENT or one.errors for one in drawn]
        if any(is_needed):
            for one, needed in zip(drawn, is_needed, strict=True):
                one.is_first = bool(needed)
        return drawn

    def _duration(self, made: Node, shape: Shape, value: JSON) -> None:
        made.suggestions = list(DURATIONS)

    def _text(self, made: Node, shape: Shape, value: JSON) -> None:
        if shape.name in ("initial", "to"):
            made.suggestions = self.states

    def _long(self, made: Node, shape: Shape, value: JSON) -> None:
        made.mode = "" if shape.name == "description" else "template"

    def _select(self, made: Node, shape: Shape, value: JSON) -> None:
        options = [(one, choice_of(one, shape.name)) for one in shape.choices]
        blank = [] if shape.is_required or shape.default else [("", "Not set")]
        made.choices = blank + options
        made.text = made.text or made.default

    def _chips(self, made: Node, shape: Shape, value: JSON) -> None:
        made.choices = [(one, choice_of(one)) for one in shape.choices]
        made.chosen = [str(one) for one in value] if isinstance(value, list) else []

    def _switch(self, made: Node, shape: Shape, value: JSON) -> None:
        made.mode = "three" if shape.default is None else "two"
        made.is_on = value is True or (value is ABSENT and shape.default is True)
        made.text = {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else ""

    def _scalar(self, made: Node, shape: Shape, value: JSON) -> None:
        made.suggestions = [*shape.choices, *self.offers.of(shape.source)]

    def _condition(self, made: Node, shape: Shape, value: JSON) -> None:
        found = condition_rows(made.text) if shape.is_boolean and shape.name != "agree" else None
        made.mode = "text" if found is None else found[0]
        if found is None:
            return
        rows = [{"field": one.field, "operator": one.operator, "value": one.value}
                for one in found[1]]  # fmt: skip
        made.rows = [*rows, {"field": "", "operator": "==", "value": ""}]
        made.choices = [(one, _OPERATOR_WORDS.get(one, one)) for one in OPERATORS]

    def _schema(self, made: Node, shape: Shape, value: JSON) -> None:
        rows = schema_rows(value)
        made.mode = "json" if rows is None else "rows"
        if rows is not None:
            made.rows = rows_drawn(rows, made.name, made.id)
        made.choices = [(one, one) for one in TYPES]
        made.suggestions = list(FORMATS)

    def _texts(self, made: Node, shape: Shape, value: JSON) -> None:
        made.suggestions = list(self.offers.of(shape.source)) if shape.source else []
        items = value if isinstance(value, list) else []
        made.rows = [{"text": str(item)} for item in items] + [{"text": ""}]

    def _people(self, made: Node, shape: Shape, value: JSON) -> None:
        self._texts(made, shape, value)
        for row in made.rows:
            kind, _, name = row["text"].partition(":")
            row["icon"] = {"group": "users", "user": "user"}.get(kind, "braces")
            row["name"] = name if kind in ("group", "user") else row["text"]
            row["note"] = self.offers.people_notes.get(row["text"], "")
            row["is_known"] = row["text"] in made.suggestions or row["text"].startswith("=")

    def _pairs(self, made: Node, shape: Shape, value: JSON) -> None:
        items = value.items() if isinstance(value, Mapping) else ()
        made.rows = [{"key": key, "text": str(item)} for key, item in items]
        made.rows.append({"key": "", "text": ""})

    def _arguments(self, made: Node, shape: Shape, value: JSON) -> None:
        held = dict(value) if isinstance(value, Mapping) else {}
        schema = self.offers.tools.get(self.tool, {})
        properties = schema.get("properties") if isinstance(schema, Mapping) else None
        required = schema.get("required", []) if isinstance(schema, Mapping) else []
        for key, known in properties.items() if isinstance(properties, Mapping) else ():
            made.rows.append(_argument(key, held.pop(key, ABSENT), known, key in required))
        made.rows += [_argument(key, item, None, False) for key, item in held.items()]
        made.rows.append({"key": "", "text": "", "is_known": False})

    def _object(self, made: Node, shape: Shape, value: JSON) -> None:
        made.is_on = isinstance(value, Mapping)
        if made.is_on:
            made.children = self._inner(made, shape.fields, value, "")

    def _gate(self, made: Node, shape: Shape, value: JSON) -> None:
        """What an agent's tool may do: as its effect says, never ask, or ask these people."""
        made.mode = "ask" if isinstance(value, Mapping) else "none" if value == "none" else ""
        if made.mode == "ask":
            made.children = self._inner(made, shape.fields, value, "")

    def _rows(self, made: Node, shape: Shape, value: JSON) -> None:
        for index, item in enumerate(value if isinstance(value, list) else ()):
            held = {shape.bare: item} if isinstance(item, str) else item
            children = self._inner(made, shape.fields, held, f"/{index}")
            made.rows.append({"at": str(index), "children": children})

    def _variants(self, made: Node, shape: Shape, value: JSON) -> None:
        variants = shape.variants or {}
        made.choices = [(one, choice_of(one)) for one in variants]
        for index, item in enumerate(value if isinstance(value, list) else ()):
            check = str(item.get("check", "")) if isinstance(item, Mapping) else ""
            children = self._inner(made, variants.get(check, ()), item, f"/{index}")
            made.rows.append({"at": str(index), "check": check, "children": children})

    def _named(self, made: Node, shape: Shape, value: JSON) -> None:
        for index, (key, item) in enumerate(value.items() if isinstance(value, Mapping) else ()):
            children = self._inner(made, shape.fields, item, f"/{index}")
            for child in children:
                child.pointer = f"{made.pointer}/{key}/{child.pointer.rpartition('/')[2]}"
                child.errors = self.errors.get(child.pointer, [])
            made.rows.append({"at": key, "children": children})

    def _steps(self, made: Node, shape: Shape, value: JSON) -> None:
        made.choices = list(self.offers.kinds)
        made.mode = "named" if isinstance(value, Mapping) else "listed"
        items = value.items() if isinstance(value, Mapping) else enumerate(value or ())
        for key, item in items if value is not ABSENT else ():
            spec = item if isinstance(item, Mapping) else {}
            made.rows.append({"key": key, "kind": spec.get("kind"), "name": _named(key, spec)})

    def _step(self, made: Node, shape: Shape, value: JSON) -> None:
        made.text = str(value.get("kind", "")) if isinstance(value, Mapping) else ""
        made.choices = list(self.offers.kinds)

    def _body(self, made: Node, shape: Shape, value: JSON) -> None:
        steps = value.get("steps") if isinstance(value, Mapping) else None
        made.text = str(len(steps) if isinstance(steps, list) else 0)

    def _join(self, made: Node, shape: Shape, value: JSON) -> None:
        made.mode = "quorum" if isinstance(value, Mapping) else value if value == "any" else "all"
        made.text = str(value.get("quorum", "")) if isinstance(value, Mapping) else ""

    def _cache(self, made: Node, shape: Shape, value: JSON) -> None:
        made.mode = "for" if isinstance(value, Mapping) else "yes" if value is True else ""
        made.text = str(value.get("for", "")) if isinstance(value, Mapping) else ""


DURATIONS = (
    "30s",
    "5m",
    "30m",
    "1h",
    "24h",
    "3d",
    "7d",
)  # to choose from; any other may be written
_OPERATOR_WORDS = {
    "==": "is", "!=": "is not", ">": "is more than", ">=": "is at least", "<": "is less than",
    "<=": "is at most", "in": "is one of", "contains": "contains", "startsWith": "starts with",
}  # fmt: skip


def _text(shown: str, value: JSON) -> str:
    if shown in ("value", "json", "schema"):
        return value_show(value)
    return value if isinstance(value, str) else value_show(value)


def _argument(key: str, value: JSON, known: JSON, is_required: bool) -> dict[str, JSON]:
    schema = known if isinstance(known, Mapping) else {}
    return {
        "key": key,
        "text": "" if value is ABSENT else value_show(value),
        "is_known": known is not None,
        "is_own": value is not ABSENT and value == "",
        "is_required": is_required,
        "hint": str(schema.get("description", "")),
        "type": str(schema.get("type", "")),
        "choices": [str(one) for one in schema.get("enum") or ()],
    }


def _named(key: str | int, spec: Mapping[str, JSON]) -> str:
    if isinstance(key, str):
        return key
    return str(spec.get("name") or spec.get("id") or f"step {key + 1}")


def _id(pointer: str) -> str:
    return "p" + "".join(one if one.isalnum() else "-" for one in pointer)
