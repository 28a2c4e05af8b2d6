"""The limit of step runs: a run that goes beyond it begins nothing more, and fails."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core.facts import ScopeCancelled
from workflows_app.core.states import RunState
from workflows_app.services.rows import cursor_open

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier
    from workflows_app.services.transaction import Transaction

DEFAULT = 100_000
FAR = 10_000  # no transaction makes so many: far from the limit nothing is counted
_ENDING = {RunState.CANCELLING, RunState.COMPENSATING}
_ROOT = "SELECT id FROM workflows_app_scope WHERE run_id = %s AND kind = 'root' AND state = 'open'"


def step_limit(expanded: dict[str, object]) -> int:
    """Give how many step runs a run of this definition may have, of every generation."""
    limits: dict[str, int] = expanded.get("limits") or {}  # type: ignore[assignment]
    return int(limits.get("step_runs", DEFAULT))


def _left(transaction: Transaction, run_id: UUID) -> int:
    limit = step_limit(transaction.contexts[run_id].version.expanded)
    return limit - transaction.runs[run_id].step_count


def _goes_on(transaction: Transaction, run_id: UUID) -> bool:
    """What ends a run is no part of what is counted: its undos always run."""
    return RunState(transaction.runs[run_id].state) not in _ENDING


def is_spent(transaction: Transaction, run_id: UUID) -> bool:
    """Tell whether a run has more step runs than it may, with those that are new here."""
    left = _left(transaction, run_id)
    if left > FAR or not _goes_on(transaction, run_id):
        return False
    new = sum(
        status.is_new
        for opened in transaction.opened.values()
        if opened.row.run_id == run_id
        for status in (*opened.draft.steps.values(), *opened.draft.superseded)
    )
    return new > left


def runs_stop(carrier: Carrier) -> None:
    """Let each run that goes beyond its limit in this transaction fail, through its scopes."""
    transaction = carrier.transaction
    for run_id, change in transaction.changes.items():
        is_over = change.end is not None or not _goes_on(transaction, run_id)
        if is_over or not change.steps or change.steps <= _left(transaction, run_id):
            continue
        cursor = cursor_open()
        cursor.execute(_ROOT, [run_id])
        root = cursor.fetchone()
        if root is not None:
            message = "the run has used up its step runs: limits.step_runs"
            error = {"code": "step_limit", "message": message, "path": ""}
            carrier.leave(root[0], run_id, ScopeCancelled(why=message, error=error))
