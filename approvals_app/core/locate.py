"""Find a gate's settings in a definition, by the gate's name."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

JSON = Any
Pointer = tuple[str | int, ...]
_CALL = re.compile(r"^(?P<path>.+)\.turn\.call\((?P<tool>.+)\)$")


def gate_find(definition: JSON, gate: str) -> tuple[Pointer, JSON] | None:
    """Give where the settings of a gate stand, and them; None where there is no such gate.

    A step of the kind `approval` has them in `with`, any other in `approval`, the tools of an
    agent in the entry of the tool.
    """
    call = _CALL.match(gate)
    found = _step(definition, (call["path"] if call else gate).split("."), ())
    if found is None:
        return None
    pointer, step = found
    if call is not None:
        for index, tool in enumerate((step.get("with") or {}).get("tools") or ()):
            if isinstance(tool, Mapping) and tool.get("tool") == call["tool"]:
                return _settings((*pointer, "with", "tools", index), tool, "approval")
        return None
    return _settings(pointer, step, "with" if step.get("kind") == "approval" else "approval")


def _settings(pointer: Pointer, holder: Mapping[str, JSON], name: str) -> Any:
    settings = holder.get(name)
    return ((*pointer, name), settings) if isinstance(settings, Mapping) else None


def _step(
    value: JSON, parts: list[str], pointer: Pointer
) -> tuple[Pointer, Mapping[str, JSON]] | None:
    """Follow the ids of a path; what stands between them (a state's name) is passed over."""
    for where, step in _steps(value, pointer):
        if parts[0] in (step.get("id"), step.get("name")):
            if len(parts) == 1:
                return where, step
            found = _step(step.get("with"), parts[1:], (*where, "with"))
            if found is not None:
                return found
    if len(parts) > 1 and pointer:
        return _step(value, parts[1:], pointer)
    return None


def _steps(value: JSON, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, JSON]]]:
    """Give the nearest steps below a value, not those inside them."""
    if isinstance(value, Mapping):
        if isinstance(value.get("kind"), str) and isinstance(value.get("with"), Mapping | None):
            yield pointer, value
            return
        for key, item in value.items():
            yield from _steps(item, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _steps(item, (*pointer, index))


def value_set(document: JSON, pointer: Pointer, value: JSON) -> JSON:
    """Give a copy of a document with one value replaced."""
    if not pointer:
        return value
    first, rest = pointer[0], pointer[1:]
    copy: Any = list(document) if isinstance(document, list) else dict(document)
    copy[first] = value_set(document[first], rest, value)
    return copy


def relaxed_gates(value: JSON, pointer: Pointer = ()) -> Iterator[tuple[Pointer, JSON]]:
    """Give every `relax` of a definition with where it stands."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "approval" and isinstance(item, Mapping) and item.get("relax"):
                yield (*pointer, key), item["relax"]
            yield from relaxed_gates(item, (*pointer, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            name = item.get("id", index) if isinstance(item, Mapping) else index
            yield from relaxed_gates(item, (*pointer, name))
