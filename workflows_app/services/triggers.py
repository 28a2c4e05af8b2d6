"""Firing a trigger of a state machine from outside."""

from typing import Any
from uuid import UUID

from workflows_app import notify
from workflows_app.core.engine import machine
from workflows_app.core.facts import TriggerFired
from workflows_app.core.states import STEP_OPEN
from workflows_app.errors import IllegalState, NotFound
from workflows_app.models import StepRun
from workflows_app.services.apply import facts_apply, scopes_settle
from workflows_app.services.batch import ScopeFact
from workflows_app.services.context import contexts_load

JSON = Any


def trigger_fire(
    *, run_id: UUID, path: str, trigger: str, data: JSON, actor: str, reason: str = ""
) -> None:
    """Fire `trigger` of the state machine at `path`.

    Raises:
        NotFound: no step of the run has that path.
        IllegalState: the step takes no such trigger now; `allowed` names those that it takes.
    """
    found = _machine(run_id, path)
    fact = TriggerFired(step_run=found.pk, trigger=trigger, actor=actor, data=data, reason=reason)
    applied = facts_apply([ScopeFact(scope_id=found.scope_id, run_id=run_id, fact=fact)])
    notify.runs_ready(applied.ready_runs | scopes_settle(applied.touched))
    if not applied.accepted:
        present = (_machine(run_id, path).progress or {}).get("state")
        when = f"while it is {present}" if present else "yet: it has not entered its first state"
        raise IllegalState(
            f"{path} takes no trigger {trigger} {when}",
            allowed=triggers_allowed(run_id=run_id, path=path),
        )


def triggers_allowed(*, run_id: UUID, path: str) -> list[str]:
    """Give the triggers that lead out of the present state; their guards may still say no."""
    found = _machine(run_id, path)
    node = _node(found)
    state = (found.progress or {}).get("state")
    return machine.allowed(node.settings, state) if state else []


def step_settings(step_run: StepRun) -> JSON:
    """Give the settings of a step as the body that it runs in defines them."""
    return _node(step_run).settings


def _machine(run_id: UUID, path: str) -> StepRun:
    found = StepRun.objects.filter(run_id=run_id, path=path, is_current=True).first()
    if found is None:
        raise NotFound(f"The run has no step at {path}.")
    is_open = found.state in {state.value for state in STEP_OPEN}
    if found.kind != "state_machine" or not is_open:
        why = "it is no state machine" if found.kind != "state_machine" else f"it is {found.state}"
        raise IllegalState(f"{path} takes no trigger: {why}.", allowed=[])
    return found


def _node(step_run: StepRun) -> Any:
    context = contexts_load([step_run.run_id])[step_run.run_id]
    scope = step_run.scope
    return context.graph(scope.body, scope.override).nodes[step_run.step]
