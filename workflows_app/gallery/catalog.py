"""The gallery as files: one definition for each workflow, and an index in the order to show."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One workflow of the gallery. `patterns` are ids such as `D9`; `sample` fits the input."""

    slug: str
    title: str
    patterns: tuple[str, ...]
    summary: str
    sample: Any
    definition: dict[str, Any]


@cache
def samples() -> tuple[Sample, ...]:
    """Give all workflows of the gallery, in the order of the index."""
    index = json.loads((HERE / "index.json").read_text("utf-8"))
    return tuple(
        Sample(**{**entry, "patterns": tuple(entry["patterns"])}, definition=_read(entry["slug"]))
        for entry in index
    )


def _read(slug: str) -> dict[str, Any]:
    return json.loads((HERE / "definitions" / f"{slug}.json").read_text("utf-8"))


def sample_get(slug: str) -> Sample | None:
    """Give one workflow of the gallery, or None."""
    return next((sample for sample in samples() if sample.slug == slug), None)


def in_order_of_need() -> tuple[Sample, ...]:
    """Give the workflows so that each comes after those that it runs as a step."""
    return tuple(sorted(samples(), key=lambda sample: _depth(sample.slug)))


def _depth(slug: str) -> int:
    sample = sample_get(slug)
    if sample is None:
        return 0
    children = [
        step["with"]["slug"] for step in sample.definition["steps"] if step["kind"] == "workflow"
    ]
    return 1 + max((_depth(child) for child in children if child != slug), default=0)


def groups_named() -> tuple[str, ...]:
    """Give every group that a gate of the gallery asks, by name."""
    found: set[str] = set()
    for sample in samples():
        _collect(sample.definition, found)
    return tuple(sorted(found))


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "assignees" and isinstance(part, list):
                found |= {who.removeprefix("group:") for who in part if who.startswith("group:")}
            _collect(part, found)
    elif isinstance(value, list):
        for part in value:
            _collect(part, found)
