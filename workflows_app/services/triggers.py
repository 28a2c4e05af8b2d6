"""Firing a trigger of a state machine from outside."""

from typing import Any
from uuid import UUID

from workflows_app.core.states import STEP_OPEN
from workflows_app.errors import IllegalState, NotFound
from workflows_app.models import StepRun

JSON = Any


def trigger_fire(*, run_id: UUID, path: str, trigger: str, data: JSON, actor: str) -> None:
    """Fire `trigger` of the state machine at `path`.

    Raises:
        NotFound: no step of the run has that path.
        IllegalState: the step takes no trigger now; `allowed` names those that it would take.
    """
    found = StepRun.objects.filter(run_id=run_id, path=path, is_current=True).first()
    if found is None:
        raise NotFound(f"The run has no step at {path}.")
    is_open = found.state in {state.value for state in STEP_OPEN}
    why = "it is no state machine" if found.kind != "state_machine" else f"it is {found.state}"
    if found.kind != "state_machine" or not is_open:
        raise IllegalState(f"{path} takes no trigger: {why}.", allowed=[])
    raise IllegalState(f"{path} takes no trigger {trigger} in its present state.", allowed=[])
