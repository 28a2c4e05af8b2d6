"""What differs between two definitions, in the words of the definition."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from workflows_app.core.definition.check import without_layout
from workflows_app.core.strict_json import pointer_escape

JSON = Any
Action = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference.

    `kind` is `step`, `edge`, `setting` (inside a step) or `definition` (anything else).
    `pointer` lies in the newer definition, in the older one where it was removed; `step` is
    the id of the step, with those around it joined by dots.
    """

    action: Action
    kind: Literal["step", "edge", "setting", "definition"]
    step: str | None
    pointer: str
    old: JSON
    new: JSON

    def as_json(self) -> dict[str, JSON]:
        """Give the change as the API shows it."""
        return {
            "action": self.action,
            "kind": self.kind,
            "step": self.step,
            "pointer": self.pointer,
            "old": self.old,
            "new": self.new,
        }


def definition_diff(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> list[Change]:
    """Give the differences from `old` to `new`; how they are drawn is no difference.

    Steps are matched by id and edges by their ends, so moving one in its list changes nothing.
    """
    return list(_body(without_layout(old), without_layout(new), "", "", None))


def _body(
    old: Mapping[str, JSON], new: Mapping[str, JSON], pointer: str, path: str, step: str | None
) -> Iterator[Change]:
    yield from _steps(_by_id(old), _by_id(new), pointer, path)
    yield from _edges(_by_ends(old), _by_ends(new), pointer, step)
    kind: Literal["setting", "definition"] = "setting" if step else "definition"
    for key in _keys(old, new):
        if key not in ("steps", "edges"):
            where = f"{pointer}/{pointer_escape(key)}"
            yield from _values(old, new, key, where, path, step, kind)


def _steps(
    old: dict[str, tuple[int, JSON]],
    new: dict[str, tuple[int, JSON]],
    pointer: str,
    path: str,
) -> Iterator[Change]:
    for name in [*new, *(name for name in old if name not in new)]:
        inner = f"{path}.{name}" if path else name
        if name not in old:
            where = f"{pointer}/steps/{new[name][0]}"
            yield Change(
                action="added", kind="step", step=inner, pointer=where, old=None, new=new[name][1]
            )
        elif name not in new:
            where = f"{pointer}/steps/{old[name][0]}"
            yield Change(
                action="removed", kind="step", step=inner, pointer=where, old=old[name][1], new=None
            )
        else:
            before, after = old[name][1], new[name][1]
            where = f"{pointer}/steps/{new[name][0]}"
            for key in _keys(before, after):
                inside = f"{where}/{pointer_escape(key)}"
                yield from _values(before, after, key, inside, inner, inner, "setting")


def _edges(
    old: dict[str, tuple[int, JSON]],
    new: dict[str, tuple[int, JSON]],
    pointer: str,
    step: str | None,
) -> Iterator[Change]:
    for name, (index, edge) in new.items():
        if name not in old:
            where = f"{pointer}/edges/{index}"
            yield Change(action="added", kind="edge", step=step, pointer=where, old=None, new=edge)
    for name, (index, edge) in old.items():
        if name not in new:
            where = f"{pointer}/edges/{index}"
            yield Change(
                action="removed", kind="edge", step=step, pointer=where, old=edge, new=None
            )


def _values(
    old: Mapping[str, JSON],
    new: Mapping[str, JSON],
    key: str,
    pointer: str,
    path: str,
    step: str | None,
    kind: Literal["setting", "definition"],
) -> Iterator[Change]:
    """Compare one member of two objects, going into bodies, objects and steps."""
    if key not in old or key not in new:
        action: Action = "added" if key not in old else "removed"
        before, after = old.get(key), new.get(key)
        yield Change(action=action, kind=kind, step=step, pointer=pointer, old=before, new=after)
        return
    before, after = old[key], new[key]
    if before == after and type(before) is type(after):
        return
    if _is_body(before) and _is_body(after):
        yield from _body(before, after, pointer, path, step or path)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        for inner in _keys(before, after):
            where = f"{pointer}/{pointer_escape(inner)}"
            yield from _values(before, after, inner, where, path, step, kind)
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield Change(action="changed", kind=kind, step=step, pointer=pointer, old=before, new=after)


def _is_body(value: JSON) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("steps"), list)


def _keys(old: JSON, new: JSON) -> list[str]:
    first = list(new) if isinstance(new, Mapping) else []
    return [*first, *(key for key in (old if isinstance(old, Mapping) else ()) if key not in first)]


def _by_id(body: Mapping[str, JSON]) -> dict[str, tuple[int, JSON]]:
    found: dict[str, tuple[int, JSON]] = {}
    for index, step in enumerate(_list(body.get("steps"))):
        name = step.get("id") if isinstance(step, Mapping) else None
        found.setdefault(str(name if name is not None else f"({index})"), (index, step))
    return found


def _by_ends(body: Mapping[str, JSON]) -> dict[str, tuple[int, JSON]]:
    found: dict[str, tuple[int, JSON]] = {}
    for index, edge in enumerate(_list(body.get("edges"))):
        if isinstance(edge, Mapping):
            source = str(edge.get("from")).removesuffix(".done")
            found.setdefault(f"{source} > {edge.get('to')}", (index, edge))
    return found


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []
