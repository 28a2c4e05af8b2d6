"""Whom a definition asks: its gates, reviews and checkpoints, at any depth."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JSON = Any
STEP_KINDS = frozenset({"approval", "checkpoint"})
ASKING = ("approval", "review")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One place where people are asked.

    `path` joins the ids of the step and those around it by dots; `assignees` are as written,
    so `group:NAME`, `user:NAME` or an expression; `when` is the condition, empty for always.
    """

    path: str
    assignees: tuple[str, ...]
    need: str
    when: str


def gates_of(definition: JSON) -> list[Gate]:
    """Give every gate of a definition, in the order of its steps; drafts may be incomplete."""
    return list(_gates(definition, ()))


def _gates(value: JSON, path: tuple[str, ...]) -> Iterator[Gate]:
    if isinstance(value, list):
        for item in value:
            yield from _gates(item, path)
        return
    if not isinstance(value, Mapping):
        return
    if isinstance(value.get("kind"), str) and isinstance(value.get("id"), str):
        path = (*path, value["id"])
        yield from _of_step(value, path)
    for key, item in value.items():
        if key not in ASKING and key not in ("input", "output", "layout", "prompt"):
            yield from _gates(item, path)


def _of_step(step: Mapping[str, JSON], path: tuple[str, ...]) -> Iterator[Gate]:
    asked = [step.get(name) for name in ASKING]
    if step["kind"] in STEP_KINDS:
        asked.insert(0, step.get("with"))
    for settings in asked:
        if isinstance(settings, Mapping):
            who = settings.get("assignees")
            names = who if isinstance(who, list) else [who] if isinstance(who, str) else []
            yield Gate(
                path=".".join(path),
                assignees=tuple(str(name) for name in names),
                need=str(settings.get("need") or 1),
                when=str(settings.get("when") or ""),
            )
