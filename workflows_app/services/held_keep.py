"""What a process remembers of the runs that a transaction of its own has written."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core.states import ScopeState, StepState
from workflows_app.services.batch import Opened
from workflows_app.services.held import SCOPES, HeldRun, held, scope_kept

if TYPE_CHECKING:
    from workflows_app.services.transaction import Transaction


def runs_keep(transaction: Transaction) -> None:
    """After the commit: hold the runs whose next steps this worker has claimed."""
    if not transaction.is_outermost:
        return
    claimed = {claim.run_id for claim in transaction.applied.claims}
    by_run: dict[UUID, list[Opened]] = {}
    for opened in transaction.opened.values():
        by_run.setdefault(opened.row.run_id, []).append(opened)
    for follow in transaction.follows:
        known = transaction.held.get(follow.run_id)
        after = follow.after(transaction.version)
        is_kept = known is not None or follow.run_id in claimed
        if not is_kept or follow.has_ended or after.has_superseded:
            continue
        run = known or HeldRun(row=after)
        run.row = after
        for opened in by_run.get(follow.run_id, ()):
            run.scopes.pop(opened.row.id, None)  # what was held of it is old now
            if _is_worth_keeping(opened):
                run.scopes[opened.row.id] = scope_kept(opened)
        for scope_id in transaction.applied.touched:
            run.scopes.pop(scope_id, None)
        if 0 < len(run.scopes) <= SCOPES:
            held.put(run)


def _is_worth_keeping(opened: Opened) -> bool:
    """Tell whether the next fact may find the scope so: something in it runs, and is all known."""
    draft = opened.draft
    return (
        draft.state is not ScopeState.ENDED
        and draft.override is None
        and opened.row.kind != "undo"
        and any(status.state is StepState.RUNNING for status in draft.steps.values())
    )
