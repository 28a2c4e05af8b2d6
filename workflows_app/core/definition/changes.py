"""Small changes of a draft: told, applied, merged, turned round.

A change is `{"path": [...], "was": ..., "value": ...}`: `was` is left out where nothing stood
there, `value` where it is taken away. The path walks the definition; in a list under the key
`steps` a part is a step's id, in one under `edges` it is `from>to`; every other list is replaced
whole. `at` may say where in its list a step or an edge stands.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

JSON = Any
Path = tuple[str, ...]
KEYED = ("steps", "edges")


class _Absent:
    """Nothing stands there; null is something."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()


class ChangeRefused(ValueError):
    """A change is malformed, whatever the draft holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChange:
    """One place of the definition, what stood there and what shall stand there."""

    path: Path
    was: JSON = ABSENT
    value: JSON = ABSENT
    at: int | None = None

    def as_json(self) -> dict[str, JSON]:
        """Give the change as it travels."""
        found: dict[str, JSON] = {"path": list(self.path)}
        if self.was is not ABSENT:
            found["was"] = self.was
        if self.value is not ABSENT:
            found["value"] = self.value
        if self.at is not None:
            found["at"] = self.at
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConflict:
    """Somebody else changed the same place: `theirs` is what stands there now."""

    path: Path
    was: JSON
    value: JSON
    theirs: JSON

    def as_json(self) -> dict[str, JSON]:
        """Give the conflict as it travels; what is absent is left out."""
        found: dict[str, JSON] = {"path": list(self.path)}
        for name, value in (("was", self.was), ("value", self.value), ("theirs", self.theirs)):
            if value is not ABSENT:
                found[name] = value
        return found


def change_read(document: JSON) -> DraftChange:
    """Give the change that a JSON object tells.

    Raises:
        ChangeRefused: it tells none.
    """
    if not isinstance(document, Mapping) or set(document) - {"path", "was", "value", "at"}:
        raise ChangeRefused("a change is an object of path, was, value and at")
    path, at = document.get("path"), document.get("at")
    if not isinstance(path, list) or not path or not all(isinstance(key, str) for key in path):
        raise ChangeRefused("the path of a change is a list of texts that names a place")
    if at is not None and (type(at) is not int or at < 0):
        raise ChangeRefused("at is a place in a list, from 0")
    change = DraftChange(
        path=tuple(path),
        was=document.get("was", ABSENT),
        value=document.get("value", ABSENT),
        at=at,
    )
    if change.was is ABSENT and change.value is ABSENT:
        raise ChangeRefused("a change without was and value changes nothing")
    return change


def changes_apply(
    definition: Mapping[str, JSON], changes: Iterable[DraftChange]
) -> tuple[dict[str, JSON], list[ChangeConflict]]:
    """Give the definition with the changes, in their order; with any conflict nothing changes.

    A place that holds what the change saw is set; one that holds what it wants already is left
    alone. Where a box is drawn is never a conflict: the last one to move it wins.

    Raises:
        ChangeRefused: a change is malformed.
    """
    present: dict[str, JSON] = json_copy(definition)
    conflicts: list[ChangeConflict] = []
    for change in changes:
        theirs = _set(present, change)
        if theirs is not None:
            conflicts.append(
                ChangeConflict(
                    path=change.path, was=change.was, value=change.value, theirs=theirs[0]
                )
            )
    return (json_copy(definition), conflicts) if conflicts else (present, [])


def changes_between(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> list[DraftChange]:
    """Give the changes that lead from one definition to the other.

    The order of steps and edges means nothing, so moving one within its list is no change.
    """
    return list(_between(old, new, ()))


def changes_invert(changes: Sequence[DraftChange]) -> list[DraftChange]:
    """Give the changes that take these back, last one first."""
    return [
        DraftChange(path=change.path, was=change.value, value=change.was, at=change.at)
        for change in reversed(changes)
    ]


def edge_key(edge: Mapping[str, JSON]) -> str:
    """Give how a path names an edge: `classify.refund>draft`."""
    return f"{edge.get('from')}>{edge.get('to')}"


def same(first: JSON, second: JSON) -> bool:
    """Compare as JSON does: 1 and 1.0 are one number, true is none."""
    if isinstance(first, bool) or isinstance(second, bool):
        return first is second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def json_copy(value: JSON) -> JSON:
    """Copy JSON; what stands at two places becomes two values."""
    if isinstance(value, Mapping):
        return {key: json_copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_copy(item) for item in value]
    return value


def item_key(name: str, item: JSON) -> str | None:
    """Give the key of an item of a list under `steps` or `edges`, if it has one."""
    if not isinstance(item, Mapping):
        return None
    if name == "steps":
        return item["id"] if isinstance(item.get("id"), str) else None
    ends = (item.get("from"), item.get("to"))
    return edge_key(item) if all(isinstance(end, str) for end in ends) else None


def is_keyed(name: str, value: JSON) -> bool:
    """Tell whether the items of this list are named by keys, each by one of its own."""
    if name not in KEYED or not isinstance(value, list):
        return False
    keys = [item_key(name, item) for item in value]
    return None not in keys and len(set(keys)) == len(keys)


def _set(present: dict[str, JSON], change: DraftChange) -> tuple[JSON] | None:
    """Set one place; otherwise give what stands in the way, as a tuple of one."""
    holder: JSON = present
    is_drawing = False
    for index, key in enumerate(change.path[:-1]):
        is_body = isinstance(holder, Mapping) and isinstance(holder.get("steps"), list)
        is_drawing = is_drawing or (is_body and key == "layout")
        name = change.path[index - 1] if index else ""
        inner = _get(holder, key, name)
        if inner is ABSENT:
            if not isinstance(holder, dict) or change.value is ABSENT or change.was is not ABSENT:
                return None if _is_done(change) else (ABSENT,)
            inner = holder[key] = [] if key in KEYED else {}
        holder = inner
    name = change.path[-2] if len(change.path) > 1 else ""
    theirs = _get(holder, change.path[-1], name)
    if not isinstance(holder, dict) and not (isinstance(holder, list) and name in KEYED):
        return None if _is_done(change) else (holder,)
    if same_or_absent(theirs, change.value):
        return None
    if not is_drawing and not same_or_absent(theirs, change.was):
        return (theirs,)
    _refuse_bad(change, holder, name)
    _put(holder, change, name)
    return None


def same_or_absent(first: JSON, second: JSON) -> bool:
    """Compare two values, either of which may be absent."""
    if first is ABSENT or second is ABSENT:
        return first is second
    return same(first, second)


def _is_done(change: DraftChange) -> bool:
    """What should be taken away and has no place any more is gone already."""
    return change.value is ABSENT


def _get(holder: JSON, key: str, name: str) -> JSON:
    if isinstance(holder, Mapping):
        return holder.get(key, ABSENT)
    if isinstance(holder, list) and name in KEYED:
        return next((item for item in holder if item_key(name, item) == key), ABSENT)
    return ABSENT


def _refuse_bad(change: DraftChange, holder: JSON, name: str) -> None:
    is_item = change.value is not ABSENT and isinstance(holder, list)
    if is_item and item_key(name, change.value) != change.path[-1]:
        what = "step" if name == "steps" else "edge"
        raise ChangeRefused(f"the {what} {change.path[-1]} is written under another name")
    is_step = len(change.path) > 2 and change.path[-3] == "steps"
    if is_step and change.path[-1] == "id" and isinstance(holder.get("kind"), str):
        raise ChangeRefused("a step gets another id by taking it away and adding it anew")


def _put(holder: JSON, change: DraftChange, name: str) -> None:
    key, value = change.path[-1], json_copy(change.value)
    if isinstance(holder, dict):
        if value is ABSENT:
            holder.pop(key, None)
        else:
            holder[key] = value
        return
    index = next((i for i, item in enumerate(holder) if item_key(name, item) == key), None)
    if value is ABSENT:
        if index is not None:
            del holder[index]
    elif index is not None:
        holder[index] = value
    else:
        holder.insert(len(holder) if change.at is None else change.at, value)


def _between(old: Mapping[str, JSON], new: Mapping[str, JSON], path: Path) -> list[DraftChange]:
    found: list[DraftChange] = []
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key, ABSENT), new.get(key, ABSENT)
        where = (*path, key)
        if same_or_absent(before, after):
            continue
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += _between(before, after, where)
        elif is_keyed(key, before) and is_keyed(key, after):
            found += _between_lists(key, before, after, where)
        else:
            found.append(DraftChange(path=where, was=before, value=after))
    return found


def _between_lists(name: str, old: JSON, new: JSON, path: Path) -> list[DraftChange]:
    """Take away from the end, change what stays, add from the start: `at` fits each moment."""
    before = {str(item_key(name, item)): item for item in old}
    after = {str(item_key(name, item)): item for item in new}
    found = [
        DraftChange(path=(*path, key), was=item, at=index)
        for index, (key, item) in reversed(list(enumerate(before.items())))
        if key not in after
    ]
    for index, (key, item) in enumerate(after.items()):
        where = (*path, key)
        if key in before:
            found += _between(before[key], item, where)
        else:
            found.append(DraftChange(path=where, value=item, at=index))
    return found
