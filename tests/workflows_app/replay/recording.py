"""Recorded histories: what was told to the engine, and what it wrote. Later code must agree.

A recording holds a random workflow, every claim and fact in the order in which they came, and
the history that followed. `python -m tests.workflows_app.replay.recording NAME COUNT [rich|whole]`
adds new ones beside those that are there; a recording is never changed.
"""

import gzip
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.workflows_app.core.engine.rich_world import RichWorld, rich_body
from tests.workflows_app.core.engine.whole_drawing import whole_body
from tests.workflows_app.core.engine.whole_world import WholeWorld
from tests.workflows_app.core.engine.world import World
from workflows_app.core import facts as fact_module
from workflows_app.core.engine.draft import HistoryEvent, StepDraft
from workflows_app.core.facts import Fact

JSON = Any
FOLDER = Path(__file__).parent / "recordings"
WHOLE_OUTCOMES = ["ok", "undoable", "undoable", "undoable", "fail", "ask", "lost", "effect", "late"]
OUTCOMES = ["ok", "ok", "ok", "fail", "retry", "ask", "lost", "effect"]


def body_draw(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    """Give a random body, nested to depth 3."""
    steps, edges = [], []
    for index in range(chance.randint(1, 3 if depth else 5)):
        sources = [source for source in range(index) if chance.random() < 0.45]
        edges += [
            {
                "from": f"s{source}{chance.choice(['', '', '.error', '.rejected'])}",
                "to": f"s{index}",
            }
            for source in sources
        ]
        containers = ["t_group", "t_map", "t_loop"] if depth < 2 else []
        kind = chance.choice(["t_leaf"] * 4 + containers)
        step: dict[str, Any] = {"id": f"s{index}", "kind": kind, "with": {}}
        if kind != "t_leaf":
            step["with"] = {"body": body_draw(chance, depth + 1)}
        if kind == "t_map":
            step["with"] |= {
                "count": chance.randint(0, 4),
                "concurrency": chance.randint(1, 3),
                "failures": chance.choice([0, 1, "50%"]),
            }
        if kind == "t_loop":
            step["with"]["rounds"] = chance.randint(1, 3)
        if sources:
            quorum = {"quorum": chance.randint(1, len(sources))}
            step["join"] = chance.choice(["all", "all", "any", quorum])
            step["rest"] = chance.choice(["cancel", "leave"])
        step["optional"] = chance.random() < 0.3
        steps.append(step)
    return {"steps": steps, "edges": edges}


class Recorder(World):
    """A world that writes down what it was told."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.written: list[list[Any]] = []
        self._depth = 0
        super().__init__(definition)

    def tell(self, scope: UUID, fact: Fact) -> bool:
        """Note facts from outside; those that scopes tell each other follow by themselves."""
        if self._depth == 0 and type(fact).__name__ != "ScopeOpened":
            self.written.append(["fact", scope.int, _dump(fact)])
        self._depth += 1
        try:
            return super().tell(scope, fact)
        finally:
            self._depth -= 1

    def claim(self, place: Any, status: StepDraft) -> None:
        self.written.append(["claim", place.draft.id.int, status.id.int])
        super().claim(place, status)

    def deliver(self, place: Any) -> None:
        """An inbox is read in order: which fact it is follows from the recording itself."""
        self.written.append(["inbox", place.draft.id.int])
        self._depth += 1
        try:
            super().deliver(place)
        finally:
            self._depth -= 1


def _dump(fact: Fact) -> dict[str, Any]:
    row: dict[str, Any] = {"fact": type(fact).__name__}
    for field in fields(fact):
        value = getattr(fact, field.name)
        if isinstance(value, UUID):
            value = {"id": value.int}
        elif isinstance(value, datetime):
            value = {"at": value.isoformat()}
        elif isinstance(value, tuple):
            value = {"many": list(value)}
        if value != field.default:
            row[field.name] = value
    return row


def _load(row: dict[str, Any]) -> Fact:
    kind = getattr(fact_module, row["fact"])
    values = {}
    for name, value in row.items():
        if name == "fact":
            continue
        if isinstance(value, dict) and list(value) == ["id"]:
            value = UUID(int=value["id"])
        elif isinstance(value, dict) and list(value) == ["at"]:
            value = datetime.fromisoformat(value["at"])
        elif isinstance(value, dict) and list(value) == ["many"]:
            value = tuple(value["many"])
        values[name] = value
    return kind(**values)


def history_words(history: list[HistoryEvent]) -> list[list[Any]]:
    """Give the history as plain rows."""
    return [
        [one.type, one.path, one.generation, one.from_state, one.to_state, one.trigger, one.data]
        for one in history
    ]


class RichRecorder(Recorder, RichWorld):
    """A rich world that writes down what it was told."""


def record_rich(seed: int) -> dict[str, Any]:
    """Do the same where there are state machines, events, arms of `until`, and open maps."""
    chance = random.Random(seed)
    definition = rich_body(chance)
    return {"world": "rich", **_record(seed, chance, definition, RichRecorder(definition), 250)}


class WholeRecorder(Recorder, WholeWorld):
    """A world with undos, reviews and tries of whole bodies that writes down what it was told."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.written: list[list[Any]] = []
        self._depth = 0
        WholeWorld.__init__(self, definition, random.Random(0))

    def settle(self, place: Any, status: StepDraft, outcome: str) -> None:
        """A person answers an incident by a fact, so that it is written down."""
        super().settle(place, status, "fail" if outcome in ("fail", "lost") else "ask")


def whole_draw(chance: random.Random) -> dict[str, Any]:
    """Give a random workflow that asks for all of it, without child runs."""
    definition = whole_body(chance)
    _without_children(definition)
    return definition


def _without_children(body: Any) -> None:
    for part in body.values() if isinstance(body, dict) else body:
        if isinstance(part, dict | list):
            _without_children(part)
    if isinstance(body, dict) and body.get("kind") == "t_child":
        body["kind"] = "t_leaf"


def record_whole(seed: int) -> dict[str, Any]:
    """Do the same where steps are reviewed, undone and tried again."""
    chance = random.Random(seed)
    definition = whole_draw(chance)
    world = WholeRecorder(definition)
    world.rolls_back = seed % 2 == 0
    recorded = _record(seed, chance, definition, world, 400, WHOLE_OUTCOMES)
    return {"world": "whole", "rolls_back": world.rolls_back, **recorded}


def record(seed: int) -> dict[str, Any]:
    """Run a random workflow in a random order and write everything down."""
    chance = random.Random(seed)
    definition = body_draw(chance)
    return _record(seed, chance, definition, Recorder(definition), 3_000)


def _record(
    seed: int,
    chance: random.Random,
    definition: JSON,
    world: Recorder,
    most: int,
    outcomes: Sequence[str] = OUTCOMES,
) -> dict[str, Any]:
    cancel_at = chance.randint(0, 60) if chance.random() < 0.25 else None
    for count in range(most):
        if count == cancel_at:
            world.cancel()
        moves = world.moves()
        if not moves:
            break
        chance.choice(moves)(chance.choice(outcomes))
    return {
        "seed": seed,
        "definition": definition,
        "told": world.written,
        "history": history_words(world.history),
        "ended": world.ended is not None,
    }


def _world(recording: dict[str, Any]) -> World:
    definition = recording["definition"]
    match recording.get("world"):
        case "rich":
            return RichWorld(definition)
        case "whole":
            world = WholeWorld(definition, random.Random(0))
            world.rolls_back = recording["rolls_back"]
            return world
    return World(definition)


def replay(recording: dict[str, Any]) -> tuple[list[list[Any]], bool]:
    """Tell a new world the same things; give its history, and whether the run ended."""
    world = _world(recording)
    for what, scope, *more in recording["told"]:
        place = world.places[UUID(int=scope)]
        if what == "claim":
            world.claim(place, place.draft.by_id[UUID(int=more[0])])
        elif what == "inbox":
            world.deliver(place)
        else:
            fact = _load(more[0])
            step_run = getattr(fact, "step_run", None)
            if type(fact).__name__ == "TimerFired":
                _drop_timer(world, UUID(int=scope), fact)
            if type(fact).__name__ == "Decided":
                world.questions.pop(step_run, None)  # type: ignore[arg-type]
            world.tell(UUID(int=scope), fact)
    return history_words(world.history), world.ended is not None


def _drop_timer(world: World, scope: UUID, fact: Fact) -> None:
    world.timers = [
        (place, timer)
        for place, timer in world.timers
        if not (place == scope and timer.fact == fact)
    ]


@cache
def recordings() -> list[dict[str, Any]]:
    """Give everything that was ever recorded."""
    found: list[dict[str, Any]] = []
    for path in sorted(FOLDER.glob("*.json.gz")):
        found += json.loads(gzip.decompress(path.read_bytes()))
    return found


def main(name: str, count: int, kind: str = "") -> None:
    """Record `count` new histories into a file of their own."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json.gz"
    if path.exists():
        raise SystemExit(f"{path} exists: recordings are never changed, choose another name")
    draw = {"rich": record_rich, "whole": record_whole}.get(kind, record)
    rows = [draw(seed) for seed in range(count)]
    text = json.dumps(rows, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(text, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
