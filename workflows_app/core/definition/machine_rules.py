"""Rules about state machines: every state can be reached and left, every trigger is known."""

from collections.abc import Iterator, Mapping
from typing import Any

from workflows_app.core.definition.ports import outcomes_of
from workflows_app.core.definition.problems import Findings
from workflows_app.core.definition.site import Place
from workflows_app.core.strict_json import pointer_escape

JSON = Any


def machine_check(place: Place, findings: Findings) -> None:
    """Check the states and transitions of a `state_machine` step of the right shape."""
    settings = place.settings
    states, initial = settings.get("states"), settings.get("initial")
    if not isinstance(states, Mapping) or not isinstance(settings.get("transitions"), list):
        return
    transitions = [one for one in settings["transitions"] if isinstance(one, Mapping)]
    leaving: dict[str, set[str]] = {name: set() for name in states}
    reached = {initial}
    for transition in transitions:
        for source in _sources(transition):
            leaving.setdefault(source, set()).add(str(transition.get("trigger")))
    _grow(reached, transitions)
    pointer = f"{place.pointer}/with/states"
    for name, state in states.items():
        if not isinstance(state, Mapping):
            continue
        where: dict[str, Any] = {"pointer": f"{pointer}/{name}", "step": place.path}
        if name not in reached:
            findings.add(
                "unreachable_state", f"no transition leads to {name}", severity="warning", **where
            )
        is_terminal = state.get("terminal") is True
        if is_terminal and leaving[name]:
            findings.add(
                "terminal_state_left", f"{name} is terminal, and a transition leaves it", **where
            )
        if not is_terminal and not leaving[name]:
            findings.add("state_without_exit", f"nothing leads out of {name}", **where)
        _outcomes_check(state, findings, pointer=f"{pointer}/{name}", step=place.path, name=name)
        for trigger, inner in _fired(state):
            if trigger not in leaving[name]:
                findings.add(
                    "unknown_trigger",
                    f"{trigger} leads nowhere from {name}",
                    pointer=f"{pointer}/{name}/{inner}",
                    step=place.path,
                )


def states_of(place: Place) -> frozenset[str]:
    """Give the names of the states that a `state_machine` step has; none for any other."""
    states = place.settings.get("states") if place.spec.get("kind") == "state_machine" else None
    return frozenset(states if isinstance(states, Mapping) else ())


def _outcomes_check(
    state: Mapping[str, JSON], findings: Findings, *, pointer: str, step: str, name: str
) -> None:
    """Check that what fires is an outcome of the entry, and that no outcome is forgotten."""
    fires = state.get("fires")
    fired = fires if isinstance(fires, Mapping) else {}
    named = list(dict.fromkeys(outcomes_of(state.get("entry"))))
    known = {"done", "error", *named} if isinstance(state.get("entry"), Mapping) else set()
    for outcome in fired:
        if outcome not in known:
            there = f"there are: {', '.join(sorted(known))}" if known else "there is no entry"
            findings.add(
                "unknown_outcome",
                f"{outcome} is no outcome of the entry of {name}; {there}",
                pointer=f"{pointer}/fires/{pointer_escape(str(outcome))}",
                step=step,
            )
    for outcome in named:
        if outcome not in fired and state.get("terminal") is not True:
            findings.add(
                "outcome_without_trigger",
                f"the outcome {outcome} of the entry of {name} fires nothing: the machine waits",
                pointer=f"{pointer}/entry",
                step=step,
                severity="warning",
            )


def _sources(transition: Mapping[str, JSON]) -> list[str]:
    source = transition.get("from")
    named = source if isinstance(source, list) else [source]
    return [name for name in named if isinstance(name, str)]


def _grow(reached: set[JSON], transitions: list[Mapping[str, JSON]]) -> None:
    while found := {
        transition.get("to")
        for transition in transitions
        if transition.get("to") not in reached
        and any(source in reached for source in _sources(transition))
    }:
        reached |= found


def _fired(state: Mapping[str, JSON]) -> Iterator[tuple[str, str]]:
    fires = state.get("fires")
    for outcome, trigger in fires.items() if isinstance(fires, Mapping) else ():
        yield str(trigger), f"fires/{outcome}"
    timeout = state.get("timeout")
    if isinstance(timeout, Mapping):
        yield str(timeout.get("trigger")), "timeout/trigger"
