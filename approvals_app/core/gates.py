"""Which gate a request belongs to, whom it is about, and what its proposal rests on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflows_app.core.canonical import digest

JSON = Any
_INDEX = re.compile(r"\[\d+\]")
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
TEXT_MOST = 200
DEEPEST = 6
# Whose record a proposal touches, the most telling word first.
ENTITY_WORDS = (
    "customer",
    "client",
    "vendor",
    "supplier",
    "merchant",
    "payee",
    "recipient",
    "patient",
    "applicant",
    "employee",
    "member",
    "user",
    "account",
)


def gate_of_path(path: str, tool: str | None) -> str:
    """Give the gate that a path stands for: its items, turns and iterations are one gate.

    The calls of an agent are told apart by their tool.
    """
    gate = _INDEX.sub("", path)
    return f"{gate}({tool})" if gate.endswith(".call") and tool else gate


def leaves(value: JSON, *, depth: int = 0, path: str = "") -> Iterator[tuple[str, JSON]]:
    """Give the single values of arguments by their dotted name; lists are left out."""
    if isinstance(value, Mapping):
        if depth < DEEPEST:
            for name, inner in value.items():
                where = f"{path}.{name}" if path else str(name)
                yield from leaves(inner, depth=depth + 1, path=where)
    elif not isinstance(value, list) and path:
        yield path, value


def entity_of(arguments: JSON) -> tuple[str, str, str] | None:
    """Give whom arguments are about as (word, name of the argument, value); None where unsaid."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in leaves(arguments):
        if isinstance(value, bool) or not isinstance(value, str | int):
            continue
        text = str(value)
        if not text or len(text) > TEXT_MOST:
            continue
        word = _entity_word(name)
        if word:
            found.setdefault(word, (name, text))
    word = next((word for word in ENTITY_WORDS if word in found), None)
    return None if word is None else (word, *found[word])


def _entity_word(name: str) -> str | None:
    """Tell which of the words an argument's name says: `customer`, `customer_id`, `customer.id`."""
    parts = [part.lower() for part in _PARTS.findall(name)]
    while parts and parts[-1] in ("id", "no", "number", "key", "ref", "reference", "name", "email"):
        parts.pop()
    return parts[-1] if parts and parts[-1] in ENTITY_WORDS else None


def basis(definition: JSON, pins: JSON, gate: str) -> dict[str, str]:
    """Give what the proposals of a gate rest on, each with a digest: prompts, models and tools.

    Looked at are the step around the gate and all that lead to it.
    """
    pins = pins or {}
    found: dict[str, str] = {}
    top = re.split(r"[.(]", gate, maxsplit=1)[0]
    steps = {step.get("id"): step for step in _dicts((definition or {}).get("steps"))}
    for name in _before(top, _dicts((definition or {}).get("edges"))):
        if name in steps:
            _walk(steps[name], pins, found)
    return found


def _before(step: str, edges: Sequence[Mapping[str, JSON]]) -> list[str]:
    known, todo = {step}, [step]
    while todo:
        target = todo.pop()
        for edge in edges:
            source = str(edge.get("from", "")).partition(".")[0]
            if edge.get("to") == target and source not in known:
                known.add(source)
                todo.append(source)
    return sorted(known)


def _walk(value: JSON, pins: Mapping[str, JSON], found: dict[str, str]) -> None:
    if isinstance(value, list):
        for item in value:
            _walk(item, pins, found)
        return
    if not isinstance(value, Mapping):
        return
    settings = value.get("with")
    if isinstance(value.get("kind"), str) and isinstance(settings, Mapping):
        _settings(str(value.get("id", "?")), settings, pins, found)
    for item in value.values():
        _walk(item, pins, found)


def _settings(
    step: str, settings: Mapping[str, JSON], pins: Mapping[str, JSON], found: dict[str, str]
) -> None:
    if "prompt" in settings:
        found[f"the prompt of {step}"] = digest(settings["prompt"])
    if isinstance(settings.get("model"), str):
        role = settings["model"]
        found[f"the model of {step}"] = digest([role, (pins.get("models") or {}).get(role)])
    named = [settings.get("tool"), *_tools(settings.get("tools"))]
    for tool in named:
        if isinstance(tool, str):
            found[f"the tool {tool}"] = digest((pins.get("tools") or {}).get(tool))


def _tools(value: JSON) -> list[JSON]:
    items = value if isinstance(value, list) else []
    return [item.get("tool") if isinstance(item, Mapping) else item for item in items]


def _dicts(value: JSON) -> list[Mapping[str, JSON]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def basis_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Give what differs between two bases, in words' order."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]
