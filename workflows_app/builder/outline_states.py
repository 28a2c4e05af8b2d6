"""States of a machine in the outline: what is shown of one, and what its forms ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workflows_app.core.definition.bodies import BodyAt, body_find, step_find
from workflows_app.core.definition.edits import EditRefused
from workflows_app.core.definition.machine_edits import (
    sources_of,
    state_add,
    state_delete,
    transition_add,
    transition_delete,
)
from workflows_app.views.looks import humanise

JSON = Any
Sent = Mapping[str, str]
Done = tuple[dict[str, JSON], str, str]  # the definition, what was done, the path to show next


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One way between two states, with its place in the machine's list."""

    place: int
    trigger: str
    guard: str
    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenState:
    """The chosen state, its transitions, and the states that it can lead to."""

    path: str
    machine: str
    id: str
    name: str
    note: str
    is_initial: bool
    is_terminal: bool
    leaving: list[Transition]
    coming: list[Transition]
    states: list[str]


def chosen_state(definition: Mapping[str, JSON], path: str) -> ChosenState | None:
    """Give the state of that path, or None where there is none."""
    body = body_find(definition, path)
    if body is None or not body.name:
        return None
    settings = _settings(definition, body.step)
    states = settings.get("states")
    state = states.get(body.name) if isinstance(states, Mapping) else None
    ways = transitions_of(settings)
    return ChosenState(
        path=path,
        machine=body.step,
        id=body.name,
        name=humanise(body.name),
        note=state_note(definition, body),
        is_initial=settings.get("initial") == body.name,
        is_terminal=isinstance(state, Mapping) and state.get("terminal") is True,
        leaving=[one for one in ways if one.source == body.name],
        coming=[one for one in ways if one.target == body.name],
        states=list(states) if isinstance(states, Mapping) else [],
    )


def transitions_of(settings: Mapping[str, JSON]) -> list[Transition]:
    """Give each way from a state to a state; one that leaves several is several."""
    found = settings.get("transitions")
    rows = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [
        Transition(
            place=place,
            trigger=str(row.get("trigger", "")),
            guard=str(row.get("guard") or ""),
            source=source,
            target=str(row.get("to", "")),
        )
        for place, row in enumerate(rows)
        for source in sources_of(row)
    ]


def state_note(definition: Mapping[str, JSON], body: BodyAt) -> str:
    """Say what is special about a state."""
    settings = _settings(definition, body.step)
    states = settings.get("states")
    state = states.get(body.name) if isinstance(states, Mapping) else None
    if settings.get("initial") == body.name:
        return "first state"
    if isinstance(state, Mapping) and state.get("terminal") is True:
        return "last state"
    return "state"


def state_act(act: str, definition: Mapping[str, JSON], sent: Sent) -> Done:
    """Carry out what a form of a state asks for.

    Raises:
        EditRefused: it is not possible; the message says why.
    """
    machine, name = sent.get("machine", ""), sent.get("state", "").strip()
    if act == "state_add":
        made = state_add(definition, machine=machine, name=name)
        return made, f"Added the state {name}", f"{machine}.{name}"
    if act == "state_delete":
        made = state_delete(definition, machine=machine, name=name)
        return made, f"Deleted the state {name}", machine
    if act == "transition_add":
        trigger, target = sent.get("trigger", "").strip(), sent.get("target", "")
        guard = sent.get("guard", "").strip()
        made = transition_add(
            definition, machine=machine, trigger=trigger, source=name, target=target, guard=guard
        )
        return made, f"{name} leads to {target} by {trigger}", f"{machine}.{name}"
    place = sent.get("place", "")
    if act != "transition_delete" or not place.isdecimal():
        raise EditRefused("There is no such action.")
    made = transition_delete(definition, machine=machine, place=int(place[:6]), source=name)
    return made, f"Took a transition away from {name}", f"{machine}.{name}"


def _settings(definition: Mapping[str, JSON], machine: str) -> Mapping[str, JSON]:
    found = step_find(definition, machine)
    settings = found[1].get("with") if found else None
    return settings if isinstance(settings, Mapping) else {}
