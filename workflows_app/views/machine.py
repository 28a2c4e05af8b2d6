"""A state machine on the page of its run: the state, the way there, and every transition."""

from dataclasses import dataclass, field
from typing import Any

from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.selectors.history import event_list
from workflows_app.services.triggers import step_settings

JSON = Any
SHOWN = 200  # transitions of a machine that went round and round


@dataclass(slots=True)
class Way:
    """One transition of the definition, from one of its states, and how often it was taken."""

    trigger: str
    source: str
    target: str
    guard: str
    count: int
    is_next: bool


@dataclass(slots=True)
class MachineShown:
    """What the inspector shows of a machine; `steps` are the transitions taken, in order."""

    state: str
    states: list[dict[str, JSON]]  # {name, visits, is_now, is_terminal}
    steps: list[RunEvent] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    is_cut: bool = False


def machine_shown(run: Run, step: StepRun) -> MachineShown | None:
    """Give a state machine as it stands and as it went; None for any other step."""
    if step.kind != "state_machine":
        return None
    settings = step_settings(step)
    progress = step.progress or step.output or {}
    state, visits = str(progress.get("state") or ""), progress.get("visits") or {}
    changes = event_list(run=run, path=step.path, what="state.changed")
    taken = list(changes.filter(generation=step.generation)[: SHOWN + 1])
    counts: dict[tuple[str, str, str], int] = {}
    for one in taken:
        key = (one.trigger, one.from_state, one.to_state)
        counts[key] = counts.get(key, 0) + 1
    shown = MachineShown(state=state, states=_states(settings, state, visits), steps=taken[:SHOWN])
    shown.is_cut = len(taken) > SHOWN
    for transition in settings.get("transitions") or ():
        sources = (
            transition["from"] if isinstance(transition["from"], list) else [transition["from"]]
        )
        for source in sources:
            key = (transition["trigger"], source, transition["to"])
            shown.ways.append(
                Way(*key, transition.get("guard") or "", counts.get(key, 0), source == state)
            )
    return shown


def _states(settings: JSON, state: str, visits: JSON) -> list[dict[str, JSON]]:
    return [
        {
            "name": name,
            "visits": visits.get(name, 0),
            "is_now": name == state,
            "is_terminal": bool(each.get("terminal")),
        }
        for name, each in (settings.get("states") or {}).items()
    ]
