"""Find a step of a draft by its path, and tell a change of any place inside it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows_app.core.definition.changes import ABSENT, DraftChange, json_copy
from workflows_app.core.definition.ports import BODIES

JSON = Any
Key = str | int


@dataclass(frozen=True, slots=True)
class Located:
    """A step with the keys that lead to it, and the body that it stands in."""

    path: str
    keys: tuple[Key, ...]
    step: Mapping[str, JSON]
    body: Mapping[str, JSON]

    @property
    def pointer(self) -> str:
        """Where the step stands, as problems name it."""
        return pointer_of(self.keys)


def step_locate(document: Mapping[str, JSON], path: str) -> Located | None:
    """Give the step of a path such as `refine.check`, or None where there is none.

    A step inside another's settings is found by its id, its place (`step_2`) or its name.
    """
    if not path:
        return None
    return _in_body(document, (), path.split("."), path)


def steps_inside(step: Mapping[str, JSON], path: str) -> list[tuple[str, str, Mapping[str, JSON]]]:
    """Give `(name, path, step)` of the steps that stand in a step's own settings."""
    return [
        (name, f"{path}.{names[0]}", inner)
        for names, name, _, inner in _parts(step)
        if names and inner.get("kind") is not None
    ]


def bodies_inside(step: Mapping[str, JSON]) -> list[tuple[str, Mapping[str, JSON]]]:
    """Give `(name, body)` of the bodies inside a step."""
    return [(name, inner) for names, name, _, inner in _parts(step) if not names]


def pointer_of(keys: Sequence[Key]) -> str:
    """Give keys as a JSON pointer."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def keys_of(pointer: str) -> tuple[str, ...]:
    """Give the keys of a JSON pointer."""
    return tuple(
        key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:] if pointer
    )


def value_at(document: JSON, keys: Sequence[Key]) -> JSON:
    """Give what stands at a place, or ABSENT."""
    for key in keys:
        if isinstance(document, Mapping) and key in document:
            document = document[key]
        elif isinstance(document, list) and str(key).isdecimal() and int(key) < len(document):
            document = document[int(key)]
        else:
            return ABSENT
    return document


def change_at(document: Mapping[str, JSON], keys: Sequence[Key], value: JSON) -> DraftChange:
    """Give the change that sets a place; inside a list without names the whole list changes."""
    path: list[str] = []
    here: JSON = document
    for index, key in enumerate(keys):
        if isinstance(here, list) and str(key).isdecimal() and int(key) < len(here):
            item = here[int(key)]
            if not (path and path[-1] == "steps" and isinstance(item, Mapping)):
                changed = _with(here, keys[index:], value)
                return DraftChange(path=tuple(path), was=here, value=changed)
            path.append(str(item.get("id")))
        else:
            path.append(str(key))
        here = value_at(here, [key])
    return DraftChange(path=tuple(path), was=here, value=value)


def _with(value: JSON, keys: Sequence[Key], wanted: JSON) -> JSON:
    copy = json_copy(value)
    holder = copy
    for key in keys[:-1]:
        is_object = isinstance(holder, dict)
        holder = holder.setdefault(str(key), {}) if is_object else holder[int(key)]
    if isinstance(holder, dict) and wanted is ABSENT:
        holder.pop(str(keys[-1]), None)
    elif isinstance(holder, dict):
        holder[str(keys[-1])] = wanted
    elif wanted is ABSENT:
        del holder[int(keys[-1])]
    else:
        holder[int(keys[-1])] = wanted
    return copy


def _in_body(
    body: Mapping[str, JSON], keys: tuple[Key, ...], names: list[str], path: str
) -> Located | None:
    steps = body.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else ()):
        if isinstance(step, Mapping) and step.get("id") == names[0]:
            return _in_step(step, (*keys, "steps", index), names[1:], path, body)
    return None


def _in_step(
    step: Mapping[str, JSON],
    keys: tuple[Key, ...],
    names: list[str],
    path: str,
    body: Mapping[str, JSON],
) -> Located | None:
    if not names:
        return Located(path, keys, step, body)
    for known, name, at, inner in _parts(step):
        where = (*keys, *at)
        if known:
            if names[0] in known:
                return _in_step(inner, where, names[1:], path, {})
            continue
        rest = names
        if name:
            if names[0] != name:
                continue
            rest = names[1:]
        found = _in_body(inner, where, rest, path) if rest else None
        if found is not None:
            return found
    return None


def _parts(
    step: Mapping[str, JSON],
) -> Iterator[tuple[list[str], str, tuple[Key, ...], Mapping[str, JSON]]]:
    """Give `(names, name, keys, value)`: names of a step inside; a body has none."""
    count = 0
    for rule in BODIES.get(str(step.get("kind")), ()):
        for name, keys, value in _matches(step, list(rule["path"]), (), ""):
            count += 1
            if not isinstance(value, Mapping):
                continue
            if rule["holds"] == "body":
                yield [], name, keys, value
                continue
            own = value.get("id")
            named = [own] if isinstance(own, str) and own else []
            around = value_at(step, keys[:-1])
            title = around.get("name") if isinstance(around, Mapping) else None
            names = [*named, f"step_{count}", *([title] if isinstance(title, str) else []), name]
            yield names, str(title or own or name), keys, value


def _matches(
    value: JSON, path: list[str], keys: tuple[Key, ...], name: str
) -> Iterator[tuple[str, tuple[Key, ...], JSON]]:
    if not path:
        yield name, keys, value
    elif path[0] == "*":
        items: Iterable[tuple[Key, JSON]] = ()
        if isinstance(value, list):
            items = enumerate(value)
        elif isinstance(value, Mapping):
            items = value.items()
        for key, item in items:
            yield from _matches(item, path[1:], (*keys, key), str(key))
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _matches(value[path[0]], path[1:], (*keys, path[0]), name)
