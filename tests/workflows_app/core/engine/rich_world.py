"""A world with everything that waits: state machines, events, arms of `until`, open maps, holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel

from tests.workflows_app.core.engine.world import NOW, Place, World, _Anything
from workflows_app.core import effects as wish
from workflows_app.core.engine import machine
from workflows_app.core.engine.draft import MORE, StepDraft
from workflows_app.core.facts import (
    BodyEnded,
    ContainerOpened,
    EventArrived,
    StepSuspended,
    TriggerFired,
)
from workflows_app.core.graph import body_key
from workflows_app.core.kinds import Kind, kinds, register

ENTRY = {"done": "go", "error": "back"}  # what the end of an entry fires


class _Wait(Kind):
    name: ClassVar[str] = "t_wait"
    primitive: ClassVar[Any] = "wait"
    settings: ClassVar[type[BaseModel]] = _Anything


class _Machine(Kind):
    name: ClassVar[str] = "t_machine"
    primitive: ClassVar[Any] = "state_machine"
    settings: ClassVar[type[BaseModel]] = _Anything

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        states = settings["states"].items()
        return {name: state["entry"] for name, state in states if state.get("entry")}


@dataclass(frozen=True)
class Subscription:
    """An open wait for an event."""

    scope: UUID
    step_run: UUID
    generation: int
    port: str


class RichWorld(World):
    """One run in memory, with events and triggers from outside."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        for kind in (_Wait(), _Machine()):
            if kind.name not in kinds():
                register(kind)
        self.subscriptions: list[Subscription] = []
        self.visits: dict[str, int] = {}
        self.holders: dict[str, StepDraft] = {}
        self.events = 0
        super().__init__(definition)

    def _handle(self, place: Place, effect: wish.Effect) -> None:
        match effect:
            case wish.OpenWait():
                self._subscribe(place, effect.step_run, effect.generation, effect.port)
            case wish.CloseWaits():
                self.subscriptions = [
                    one for one in self.subscriptions if one.step_run != effect.step_run
                ]
            case wish.OpenScopes(kind="visit"):
                self.visits[f"{effect.path}[{effect.first}]"] = effect.values[0]["visit"]
                super()._handle(place, effect)
            case _:
                super()._handle(place, effect)

    def _subscribe(self, place: Place, step_run: UUID, generation: int, port: str) -> None:
        wanted = Subscription(place.draft.id, step_run, generation, port)
        if wanted not in self.subscriptions:
            self.subscriptions.append(wanted)

    # What may happen next

    def moves(self) -> list[Callable[[str], None]]:
        found = super().moves()
        for one in self.subscriptions:
            found.append(lambda o, s=one: self.arrive(s, o))
        for place, status in self.machines():
            triggers = {row["trigger"] for row in place.draft.node(status).settings["transitions"]}
            for trigger in sorted(triggers):
                found.append(lambda _o, p=place, s=status, t=trigger: self.trigger(p, s, t))
        return found

    def machines(self) -> list[tuple[Place, StepDraft]]:
        return [
            (place, status)
            for place in self.places.values()
            for status in place.draft.steps.values()
            if status.is_open
            and status.is_container
            and place.draft.node(status).kind.primitive == "state_machine"
        ]

    def claim(self, place: Place, status: StepDraft) -> None:
        super().claim(place, status)
        for arm in place.draft.node(status).spec.get("until") or ():
            if arm.get("event"):
                self._subscribe(place, status.id, status.generation, arm["port"])

    def arrive(self, one: Subscription, outcome: str) -> None:
        """An event comes that fits this wait."""
        self.subscriptions.remove(one)
        self.events += 1
        event = {"id": f"e{self.events}", "source": "/x", "type": "x", "subject": None, "data": 1}
        fact = EventArrived(
            step_run=one.step_run,
            generation=one.generation,
            row=self.events,
            event=event,
            port=one.port,
            is_last=one.port == MORE and outcome != "ok",
        )
        self.tell(one.scope, fact)

    def trigger(self, place: Place, status: StepDraft, name: str) -> bool:
        """Somebody fires a trigger from outside; False when it fits nothing."""
        fired = TriggerFired(step_run=status.id, trigger=name, actor="user:x")
        return self.tell(place.draft.id, self._choose(place, status, fired))

    def _choose(self, place: Place, status: StepDraft, fired: TriggerFired) -> TriggerFired:
        progress = status.progress or {}
        for row in place.draft.node(status).settings["transitions"]:
            if row["trigger"] != fired.trigger or progress.get("state") not in row["from"]:
                continue
            below = row.get("below")  # the guard: fewer visits of the target than that
            if below is None or progress["visits"].get(row["to"], 0) < below:
                return replace(fired, chosen={"to": row["to"], "guards": []})
        return fired

    def fire(self, scope: UUID, timer: wish.StartTimer) -> None:
        if not timer.name.startswith(machine.TIMEOUT):
            super().fire(scope, timer)
            return
        self.timers.remove((scope, timer))
        place = self.places[scope]
        status = place.draft.by_id.get(timer.step_run)
        if status is not None and status.is_open:
            fired = machine.timeout_trigger(place.draft, status, timer.fact)  # type: ignore[arg-type]
            if fired is not None:
                self.tell(scope, self._choose(place, status, fired))

    def deliver(self, place: Place) -> None:
        fact = place.inbox[0]
        status = place.draft.by_id.get(fact.step_run) if isinstance(fact, BodyEnded) else None
        if status is None or place.draft.node(status).kind.primitive != "state_machine":
            super().deliver(place)
            return
        place.inbox.pop(0)
        assert isinstance(fact, BodyEnded)
        ended = replace(fact, visit=self.visits[self.places[fact.scope].draft.path])
        self.tell(place.draft.id, ended)
        if status.is_open:
            fired = machine.entry_trigger(place.draft, status, ended)
            if fired is not None:
                self.tell(place.draft.id, self._choose(place, status, fired))

    def answer(self, place: Place, status: StepDraft, outcome: str) -> None:
        node = place.draft.node(status)
        common: dict[str, Any] = {"step_run": status.id, "token": status.token}
        name = node.spec.get("exclusive")
        if name and self.holders.setdefault(name, status) is not status:
            if self.holders[name].is_open and not self.holders[name].is_superseded:
                self.tell(place.draft.id, StepSuspended(**common, reason="exclusive", after=1.0))
                return
            self.holders[name] = status
        if node.kind.primitive == "wait" and outcome in ("ok", "ask", "effect"):
            after = 60.0 if outcome == "ask" else None
            event = StepSuspended(**common, reason="event", after=after, request={"event": "x"})
            self.tell(place.draft.id, event)
        elif node.kind.primitive == "state_machine":
            key = body_key(place.draft.graph.key, status.step)
            opened = ContainerOpened(**common, body=key, values=(), scope_kind="visit")
            self.tell(place.draft.id, opened)
        elif node.kind.primitive == "map" and {"enough", "more"} & set(node.settings):
            self._open_map(place, status, common)
        else:
            super().answer(place, status, outcome)

    def _open_map(self, place: Place, status: StepDraft, common: dict[str, Any]) -> None:
        settings = place.draft.node(status).settings
        key = body_key(place.draft.graph.key, status.step)
        progress: dict[str, Any] = {
            "failures": settings.get("failures", 0),
            "enough": settings.get("enough"),
            "body": key,
        }
        if settings.get("more"):
            progress |= {"more": {"event": "x", "after": "1h", "in_batches": False}}
            progress["is_open"] = True
        opened = ContainerOpened(
            **common,
            body=key,
            values=tuple({} for _ in range(int(settings["count"]))),
            scope_kind="item",
            concurrency=int(settings["concurrency"]),
            progress=progress,
        )
        self.tell(place.draft.id, opened)


# Drawing workflows for it

_PORTS = ["", "", "", ".error", ".rejected", ".late", ".stopped"]
_CONTAINERS = ["t_group", "t_map", "t_loop", "t_machine", "t_machine"]


def rich_body(chance: Random, depth: int = 0) -> dict[str, Any]:
    """Give a random body, nested to depth 4."""
    steps, edges = [], []
    for index in range(chance.randint(1, 2 if depth else 4)):
        sources = [source for source in range(index) if chance.random() < 0.5]
        edges += [
            {"from": f"s{source}{chance.choice(_PORTS)}", "to": f"s{index}"} for source in sources
        ]
        steps.append(_step(chance, f"s{index}", len(sources), depth))
    return {"steps": steps, "edges": edges}


def _step(chance: Random, name: str, incoming: int, depth: int) -> dict[str, Any]:
    kind = chance.choice(["t_leaf"] * 3 + ["t_wait"] * 2 + (_CONTAINERS if depth < 3 else []))
    step: dict[str, Any] = {"id": name, "kind": kind, "with": {}}
    if kind == "t_machine":
        step["with"] = _machine(chance, depth)
    elif kind in _CONTAINERS:
        step["with"] = {"body": rich_body(chance, depth + 1)}
    if kind == "t_map":
        step["with"] |= {
            "count": chance.randint(0, 3),
            "concurrency": chance.randint(1, 3),
            "failures": chance.choice([0, 1, "50%"]),
        }
        step["with"] |= (
            {"enough": 1, "rest": chance.choice(["cancel", "leave"])}
            if (chance.random() < 0.5)
            else {}
        )
        step["with"] |= {"more": True} if chance.random() < 0.4 else {}
    if kind == "t_loop":
        step["with"]["rounds"] = chance.randint(1, 3)
    if kind in _CONTAINERS and chance.random() < 0.3:
        step["timeout"] = "5s"
    if chance.random() < 0.3:
        step["until"] = [{"port": "late", "after": "1s"}, {"port": "stopped", "event": "x"}]
    if chance.random() < 0.2:
        step["exclusive"] = chance.choice("ab")
    if incoming:
        quorum = {"quorum": chance.randint(1, incoming)}
        step["join"] = chance.choice(["all", "all", "any", quorum])
        step["rest"] = chance.choice(["cancel", "leave"])
    step["optional"] = chance.random() < 0.3
    return step


def _machine(chance: Random, depth: int) -> dict[str, Any]:
    names = [f"q{index}" for index in range(chance.randint(2, 4))]
    states: dict[str, Any] = {}
    for name in names[:-1]:
        state: dict[str, Any] = {}
        if chance.random() < 0.6:
            state |= {"entry": rich_body(chance, depth + 1), "fires": dict(ENTRY)}
        if chance.random() < 0.3:
            state["timeout"] = {"after": "1m", "trigger": "go"}
        states[name] = state
    states[names[-1]] = {"terminal": True}
    transitions = [
        {"trigger": "go", "from": [name], "to": names[index + 1]}
        for index, name in enumerate(names[:-1])
    ]
    if chance.random() < 0.7:
        retry = {"trigger": "back", "from": names[:-1], "to": names[0], "below": 3}
        transitions += [retry, {"trigger": "back", "from": names[:-1], "to": names[-1]}]
    return {"initial": names[0], "states": states, "transitions": transitions}


__all__ = ["NOW", "RichWorld", "Subscription", "rich_body"]
