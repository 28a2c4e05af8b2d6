"""The kind `state_machine`: named states, and the triggers that lead from one to another."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from workflows_app.core.definition.markers import BodySpec, Condition, Duration, Fixed
from workflows_app.core.definition.models import Identifier
from workflows_app.core.kinds import Kind
from workflows_app.steps.settings import Settings

STATE_VARIABLES = ("state", "states", "event")
StateName = Annotated[Identifier, Fixed]


class StateTimeout(Settings):
    """A trigger that fires by itself."""

    after: Duration
    trigger: Fixed


class State(Settings):
    """What happens in a state, and what leads out of it by itself."""

    entry: Annotated[dict[str, Any], BodySpec(more=STATE_VARIABLES)] | None = None
    fires: Annotated[dict[str, Fixed], Field(description="outcome of `entry`: trigger")] | None = (
        None
    )
    timeout: StateTimeout | None = None
    terminal: bool = False


class Transition(Settings):
    """From one or several states to another, where its guard holds."""

    trigger: Fixed
    source: Fixed | list[Fixed] = Field(alias="from")
    target: Fixed = Field(alias="to")
    guard: Annotated[str, Condition(more=STATE_VARIABLES)] | None = None

    @property
    def sources(self) -> list[str]:
        """The states that it leaves."""
        return [self.source] if isinstance(self.source, str) else list(self.source)


class StateMachineSettings(Settings):
    """States and transitions."""

    initial: Fixed
    states: Annotated[dict[str, State], Field(min_length=1, max_length=500)]
    transitions: list[Transition] = Field(max_length=5_000)

    @model_validator(mode="after")
    def _names_its_states(self) -> "StateMachineSettings":
        named = [self.initial]
        for transition in self.transitions:
            named += [*transition.sources, transition.target]
        missing = sorted({name for name in named if name not in self.states})
        if missing:
            raise ValueError(f"there is no state {', '.join(missing)}")
        return self


class StateMachineKind(Kind):
    """Move between states by triggers."""

    name = "state_machine"
    primitive = "state_machine"
    settings = StateMachineSettings
    label = "State machine"
    group = "Flow"
    summary = "Moves between named states by triggers, guards and timeouts until a last one."

    def ports(self, settings: Mapping[str, Any]) -> tuple[str, ...]:
        """Give each terminal state."""
        return tuple(
            name for name, state in _states(settings).items() if state.get("terminal") is True
        )

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Give the body of each state that does something on entry."""
        return {
            name: state["entry"]
            for name, state in _states(settings).items()
            if isinstance(state.get("entry"), dict)
        }


def _states(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    states = settings.get("states")
    return {
        name: state
        for name, state in (states.items() if isinstance(states, dict) else ())
        if isinstance(name, str) and isinstance(state, dict)
    }
