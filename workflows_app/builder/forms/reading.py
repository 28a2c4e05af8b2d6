"""Read what a form sent, field by field, into the value that the definition keeps.

The names of inputs are those of the value's parts: `v`, `v/port`, `v/0/port`. A button may name
one act on a list: `add:v`, `drop:v:1`, `up:v:1`, `down:v:1`, `on:v`, `off:v`.
"""

from collections.abc import Mapping
from typing import Any

from workflows_app.builder.forms.fits import fits
from workflows_app.builder.forms.schema_rows import schema_read
from workflows_app.builder.forms.sent import FieldRefused, Sent
from workflows_app.builder.forms.shapes import Shape
from workflows_app.builder.forms.starts import row_start, start_of, step_start, unique
from workflows_app.builder.forms.texts import (
    Comparison,
    TextRefused,
    condition_text,
    json_read,
    number_read,
    scalar_read,
    value_read,
)
from workflows_app.core.definition.changes import ABSENT

JSON = Any


def value_of(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    """Give the value of a field, or ABSENT where it is left out.

    Args:
        old: what stands there now; parts that the form does not show are taken from it.

    Raises:
        FieldRefused: an input cannot be read.
    """
    try:
        value = _READERS[shape.input if fits(shape, old) else "value"](shape, sent, name, old)
    except TextRefused as refused:
        raise FieldRefused(name, str(refused)) from None
    is_unsaid = value == shape.default or value in ([], "")
    return ABSENT if old is ABSENT and is_unsaid and value is not ABSENT else value


def _text(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    text = sent.text(name)
    if shape.input in ("text", "select", "duration"):
        text = text.strip()
    return text if text or shape.is_required else ABSENT


def _number(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    text = sent.text(name).strip()
    if not text:
        return ABSENT
    return text if text.startswith("=") else number_read(text)


def _scalar(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    text = sent.text(name).strip()
    if shape.source:
        return text if text or shape.is_required else ABSENT
    return scalar_read(text) if text else ABSENT


def _switch(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    if shape.default is None:
        return {"yes": True, "no": False}.get(sent.text(name), ABSENT)
    return sent.text(name) == "on"


def _chips(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    chosen = [one for one in sent.data.getlist(name) if one in shape.choices]
    before = [one for one in old if one in chosen] if isinstance(old, list) else []
    return [*before, *(one for one in chosen if one not in before)] or ABSENT


def _value(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    text = sent.text(name)
    return value_read(text) if text.strip() else ABSENT


def _condition(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    count = sent.count(f"{name}/rows")
    if sent.text(f"{name}/as") == "rows":
        rows = [
            Comparison(
                sent.text(f"{name}/rows/{index}/field"),
                sent.text(f"{name}/rows/{index}/operator"),
                sent.text(f"{name}/rows/{index}/value"),
            )
            for index in range(count)
        ]
        found = sent.act_on(f"{name}/rows")
        if found is not None and found[0] == "drop":
            rows = [row for index, row in enumerate(rows) if index != found[1]]
        return condition_text(sent.text(f"{name}/joint"), rows) or ABSENT
    text = sent.text(name).strip()
    if text.isdecimal() and shape.name in ("agree", "enough"):
        return int(text)
    return text or ABSENT


def _schema(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    if sent.text(f"{name}/as") == "rows":
        return schema_read(sent, name, old)
    text = sent.text(name).strip()
    return json_read(text) if text else ABSENT


def _texts(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    rows = [sent.text(f"{name}/{index}").strip() for index in range(sent.count(name))]
    rows = _acted(rows, sent, name, lambda: "")
    kept = [row for row in rows if row]
    return kept if kept or shape.is_required else ABSENT


def _arguments(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    found: dict[str, JSON] = {}
    for index in range(sent.count(name)):
        key = sent.text(f"{name}/{index}/key").strip()
        text = sent.text(f"{name}/{index}/value")
        found_act = sent.act_on(name)
        is_dropped = found_act == ("drop", index)
        if key and (text.strip() or sent.text(f"{name}/{index}/is_own")) and not is_dropped:
            try:
                found[key] = value_read(text) if text.strip() else ""
            except TextRefused as refused:
                raise FieldRefused(f"{name}/{index}/value", str(refused)) from None
    return found if found or shape.is_required or old == {} else ABSENT


def _pairs(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    found = {
        key: sent.text(f"{name}/{index}/value").strip()
        for index in range(sent.count(name))
        if (key := sent.text(f"{name}/{index}/key").strip())
        and sent.act_on(name) != ("drop", index)
    }
    return found or ABSENT


def _object(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    found = sent.act_on(name)
    if found is not None:
        return row_start(shape.fields) if found[0] == "on" else ABSENT
    if not sent.text(f"{name}/on"):
        return ABSENT
    return fields_of(shape.fields, sent, name, old if isinstance(old, Mapping) else {})


def _gate(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    mode = sent.text(f"{name}/as")
    if mode != "ask":
        return "none" if mode == "none" else ABSENT
    if not sent.text(f"{name}/on"):
        return row_start(shape.fields)
    return fields_of(shape.fields, sent, name, old if isinstance(old, Mapping) else {})


def fields_of(
    shapes: tuple[Shape, ...], sent: Sent, name: str, old: Mapping[str, JSON]
) -> dict[str, JSON]:
    """Give an object of its fields; what no field shows stays."""
    shown = {shape.name for shape in shapes}
    found = {key: value for key, value in old.items() if key not in shown}
    for shape in shapes:
        value = value_of(shape, sent, f"{name}/{shape.name}", old.get(shape.name, ABSENT))
        if value is not ABSENT:
            found[shape.name] = value
    return found


def _rows(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    before = old if isinstance(old, list) else []
    rows: list[JSON] = []
    for index in range(sent.count(name)):
        place = sent.text(f"{name}/{index}/~at")
        was = before[int(place)] if place.isdecimal() and int(place) < len(before) else {}
        held = {shape.bare: was} if shape.bare and isinstance(was, str) else was
        row = _row(shape, sent, f"{name}/{index}", held if isinstance(held, Mapping) else {})
        is_bare = isinstance(was, str) and set(row) == {shape.bare}
        rows.append(row[shape.bare] if is_bare else row)
    rows = _acted(rows, sent, name, lambda: start_of(shape, rows))
    return rows if rows or shape.is_required else ABSENT


def _row(shape: Shape, sent: Sent, name: str, old: Mapping[str, JSON]) -> JSON:
    if shape.variants is None:
        return fields_of(shape.fields, sent, name, old)
    check = sent.text(f"{name}/check")
    shapes = shape.variants.get(check, ())
    if check != old.get("check"):
        kept = {key: old[key] for key in ("at", "on_trip", "mode") if key in old}
        return {"check": check, **kept, **row_start(shapes)}
    held = {key: value for key, value in old.items() if key != "check"}
    return {"check": check, **fields_of(shapes, sent, name, held)}


def _named(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    before = old if isinstance(old, Mapping) else {}
    rows: list[tuple[str, JSON]] = []
    for index in range(sent.count(name)):
        was_named = sent.text(f"{name}/{index}/~at")
        was = before.get(was_named, {})
        key = sent.text(f"{name}/{index}/~key").strip() or was_named
        inner = was if isinstance(was, Mapping) else {}
        rows.append((key, fields_of(shape.fields, sent, f"{name}/{index}", inner)))
    taken = [key for key, _ in rows]
    if len(set(taken)) != len(taken):
        twice = next(key for key in taken if taken.count(key) > 1)
        raise FieldRefused(name, f"There are two called {twice}: choose another name.")
    rows = _acted(rows, sent, name, lambda: (unique("new", taken), row_start(shape.fields)))
    return dict(rows) if rows or shape.is_required else ABSENT


def _steps(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    found = sent.act_on(name)
    kind = sent.text(f"{name}/kind") or "model"
    if isinstance(old, Mapping):
        steps = list(old.items())
        named = unique(sent.text(f"{name}/key").strip() or "worker", [key for key, _ in steps])
        return dict(_acted(steps, sent, name, lambda: (named, step_start(kind))))
    before = old if isinstance(old, list) else []
    if found is None:
        return before
    return _acted(list(before), sent, name, lambda: step_start(kind))


def _kept(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    """Bodies and steps are edited where they are drawn."""
    if shape.input == "step" and sent.text(f"{name}/kind"):
        return step_start(sent.text(f"{name}/kind"))
    return old


def _json(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    text = sent.text(name).strip()
    return json_read(text) if text else ABSENT


def _acted(rows: list[Any], sent: Sent, name: str, start: Any) -> list[Any]:
    """Carry out the act of the button, where it is one on this list."""
    found = sent.act_on(name)
    if found is None:
        return rows
    verb, place = found
    if verb == "add":
        return [*rows, start()]
    if not 0 <= place < len(rows):
        return rows
    if verb == "drop":
        return [row for index, row in enumerate(rows) if index != place]
    other = place - 1 if verb == "up" else place + 1
    if verb in ("up", "down") and 0 <= other < len(rows):
        rows = list(rows)
        rows[place], rows[other] = rows[other], rows[place]
    return rows


def _join(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    mode = sent.text(name)
    if mode == "quorum":
        text = sent.text(f"{name}/quorum").strip()
        return {"quorum": number_read(text) if text else 2}
    return ABSENT if mode in ("", "all") else mode


def _cache(shape: Shape, sent: Sent, name: str, old: JSON) -> JSON:
    mode = sent.text(name)
    if mode == "for":
        return {"for": sent.text(f"{name}/for").strip() or "1h"}
    return True if mode == "yes" else ABSENT


_READERS = {
    "text": _text, "long": _text, "select": _text, "duration": _text, "number": _number,
    "scalar": _scalar, "switch": _switch, "chips": _chips, "value": _value,
    "condition": _condition, "schema": _schema, "people": _texts, "texts": _texts,
    "arguments": _arguments, "pairs": _pairs, "object": _object, "rows": _rows,
    "variants": _rows, "named": _named, "steps": _steps, "body": _kept, "step": _kept,
    "json": _json, "join": _join, "cache": _cache, "gate": _gate,
}  # fmt: skip
