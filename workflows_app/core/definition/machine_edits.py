"""Edits of a state machine: pure, each gives a new definition or says why not."""

import re
from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.bodies import step_find
from workflows_app.core.definition.changes import json_copy
from workflows_app.core.definition.edits import Definition, EditRefused
from workflows_app.core.definition.models import ID_PATTERN

JSON = Any


def state_add(definition: Mapping[str, JSON], *, machine: str, name: str) -> Definition:
    """Add a state that does nothing yet; the first one is where the machine begins.

    Raises:
        EditRefused: there is no such machine, or the name is none or taken.
    """
    made, settings = _copy(definition, machine)
    states = settings.setdefault("states", {})
    if not re.fullmatch(ID_PATTERN, name):
        raise EditRefused("A state's name begins with a letter and has letters, digits and _ only.")
    if name in states:
        raise EditRefused(f"There is already a state called {name}: choose another name.")
    states[name] = {}
    settings["initial"] = settings.get("initial") or name
    return made


def state_delete(definition: Mapping[str, JSON], *, machine: str, name: str) -> Definition:
    """Take a state away with its transitions.

    Raises:
        EditRefused: it is not there, or the machine begins in it.
    """
    made, settings = _copy(definition, machine)
    _known(settings, name)
    if settings.get("initial") == name:
        raise EditRefused(f"The machine begins in {name}: choose another first state before.")
    del settings["states"][name]
    settings["transitions"] = [
        kept
        for one in _transitions(settings)
        if one.get("to") != name and (kept := _without(one, name)) is not None
    ]
    return made


def transition_add(
    definition: Mapping[str, JSON],
    *,
    machine: str,
    trigger: str,
    source: str,
    target: str,
    guard: str = "",
) -> Definition:
    """Lead one state to another, or to itself, by a trigger; a guard is CEL that must be true.

    Raises:
        EditRefused: a state or the trigger is missing, or nothing may leave that state.
    """
    made, settings = _copy(definition, machine)
    _known(settings, source)
    _known(settings, target)
    if not trigger:
        raise EditRefused("Give the trigger a name, such as pay.")
    if settings["states"][source].get("terminal") is True:
        raise EditRefused(f"{source} is a last state: nothing leaves it.")
    row = {"trigger": trigger, "from": source, "to": target}
    settings["transitions"] = [
        *_transitions(settings), {**row, "guard": guard} if guard else row
    ]  # fmt: skip
    return made


def transition_delete(
    definition: Mapping[str, JSON], *, machine: str, place: int, source: str
) -> Definition:
    """Take a transition away from one state; another state that shares it keeps it.

    Raises:
        EditRefused: it is not there.
    """
    made, settings = _copy(definition, machine)
    rows = _transitions(settings)
    if not 0 <= place < len(rows) or source not in sources_of(rows[place]):
        raise EditRefused("That transition is not there any more.")
    kept = _without(rows[place], source)
    settings["transitions"] = [*rows[:place], *([kept] if kept else []), *rows[place + 1 :]]
    return made


def states_followed(settings: Mapping[str, JSON], renamed: Mapping[str, str]) -> dict[str, JSON]:
    """Give what names states in the settings of a machine, by their new names, where it differs."""
    found: dict[str, JSON] = {}
    initial = settings.get("initial")
    if isinstance(initial, str) and renamed.get(initial, initial) != initial:
        found["initial"] = renamed[initial]
    rows = [
        {
            **one,
            "to": renamed.get(str(one.get("to")), one.get("to")),
            "from": [renamed.get(str(name), name) for name in one["from"]]
            if isinstance(one.get("from"), list)
            else renamed.get(str(one.get("from")), one.get("from")),
        }
        for one in _transitions(settings)
    ]
    if rows != settings.get("transitions", []):
        found["transitions"] = rows
    return found


def sources_of(transition: Mapping[str, JSON]) -> list[str]:
    """Give the states that a transition leaves."""
    found = transition.get("from")
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def _without(transition: Mapping[str, JSON], name: str) -> dict[str, JSON] | None:
    if not isinstance(transition.get("from"), list):
        return None if transition.get("from") == name else dict(transition)
    left = [one for one in transition["from"] if one != name]
    return {**transition, "from": left} if left else None


def _copy(definition: Mapping[str, JSON], machine: str) -> tuple[Definition, dict[str, JSON]]:
    """Give a copy of the definition and the settings of that machine within it."""
    made: Definition = json_copy(definition)
    found = step_find(made, machine)
    if found is None or found[1].get("kind") != "state_machine":
        raise EditRefused(f"There is no state machine {machine} any more.")
    step = found[1]
    settings = step.setdefault("with", {})  # type: ignore[attr-defined]
    return made, settings


def _known(settings: Mapping[str, JSON], name: str) -> None:
    states = settings.get("states")
    if not isinstance(states, Mapping) or not isinstance(states.get(name), Mapping):
        raise EditRefused(f"There is no state {name or 'without a name'} any more.")


def _transitions(settings: Mapping[str, JSON]) -> list[dict[str, JSON]]:
    found = settings.get("transitions")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
