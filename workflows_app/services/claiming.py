"""Claims that are made within a transaction: of what becomes ready in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from workflows_app.core.engine.attempts import announce
from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.states import RUN_CLAIMABLE, RunState, StepState
from workflows_app.services import rows, step_limit
from workflows_app.services.batch import Claim, Opened
from workflows_app.services.prepare import node_refs
from workflows_app.services.values import Place, Result, result_of

if TYPE_CHECKING:
    from workflows_app.services.transaction import Transaction

# A step that ends so leaves nothing but what its draft holds.
_EMPTY = (StepState.SKIPPED, StepState.FAILED, StepState.CANCELLED, StepState.TIMED_OUT)


def may_claim(transaction: Transaction, run_id: UUID) -> bool:
    """Tell whether the run lets steps begin, as far as its row has been read."""
    run = transaction.runs.get(run_id)
    return (
        transaction.worker is not None and run is not None and RunState(run.state) in RUN_CLAIMABLE
    )


def step_claim(transaction: Transaction, opened: Opened, status: StepDraft) -> Claim:
    """Take a ready step for the worker of this transaction."""
    node = opened.draft.node(status)
    context = transaction.contexts[opened.row.run_id]
    status.state = StepState.RUNNING
    status.attempt += 1
    status.token = uuid4()
    status.started_at = transaction.now
    if node.is_plain:
        announce(opened.draft, status, transaction.worker or "engine")
    setting = opened.setting(context)
    return Claim(
        id=status.id,
        scope_id=opened.row.id,
        run_id=opened.row.run_id,
        context=context,
        setting=setting,
        node=node,
        path=status.path,
        generation=status.generation,
        attempt=status.attempt,
        token=status.token,
        feedback=status.feedback,
        progress=status.progress,
        known=_known(transaction, setting.places(node_refs(node)).values()),
    )


def _known(transaction: Transaction, places: Iterable[Place]) -> dict[Place, Result]:
    """Give the results that this transaction itself has brought about."""
    found = {}
    for scope_id, step in places:
        opened = transaction.opened.get(scope_id)
        status = opened.draft.steps.get(step) if opened is not None else None
        if status is not None and _is_in_memory(status):
            found[scope_id, step] = result_of(status)
    return found


def ready_claim(
    transaction: Transaction, run: rows.RunRow, inserts: list[tuple[Opened, StepDraft]]
) -> None:
    """Claim new ready steps for the worker, as far as the run and the limit allow."""
    is_spent = bool(inserts) and step_limit.is_spent(transaction, run.id)
    for opened, status in inserts:
        if is_spent and opened.row.kind != "undo":
            continue
        if status.state is not StepState.READY or status.is_held:
            continue
        if (
            not may_claim(transaction, run.id)
            or len(transaction.applied.claims) >= transaction.claim_limit
        ):
            transaction.applied.ready_runs.add(run.id)
            continue
        transaction.applied.claims.append(step_claim(transaction, opened, status))


def _is_in_memory(status: StepDraft) -> bool:
    """Tell whether what a step left behind is here: its draft holds what was not read."""
    return status.is_new or status.has_output or (status.is_changed and status.state in _EMPTY)
