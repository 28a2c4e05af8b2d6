"""How a run begins whose first steps need no claim: they share the commit that ends them."""

from collections.abc import Sequence
from uuid import UUID

from workflows_app.core.states import StepState
from workflows_app.services.batch import ScopeFact
from workflows_app.services.context import contexts_load
from workflows_app.services.held import held
from workflows_app.services.inline import is_inline
from workflows_app.services.pace import Pace
from workflows_app.services.storage import runs_peek


def runs_begin(run_ids: Sequence[UUID], pace: Pace) -> list[ScopeFact]:
    """Give what begins those of these runs whose ready steps all are carried out within.

    What was read is held in memory without a lock: whoever claims one of the steps meanwhile,
    or changes the run, makes the transaction start over, and it then finds nothing to do.
    """
    read = runs_peek(run_ids)
    if not read.runs:
        return []
    contexts = contexts_load(read.runs)
    scopes = {}
    for scope in read.scopes.values():
        context = contexts[scope.run_id]
        nodes = context.graph(scope.body, scope.override).nodes
        ready = [step for step in scope.steps if step.state is StepState.READY]
        if ready and all(is_inline(nodes[step.step], context.version.pins, pace) for step in ready):
            scopes[scope.id] = scope
    held.seed({scope.run_id: read.runs[scope.run_id] for scope in scopes.values()}, scopes)
    return [
        ScopeFact(scope_id=scope.id, run_id=scope.run_id, fact=None, is_brief=True, begins=True)
        for scope in scopes.values()
    ]
