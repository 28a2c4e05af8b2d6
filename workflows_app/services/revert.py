"""Undo scopes: one beside the root as a run ends, or one inside a step that is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.engine import revert
from workflows_app.core.facts import ScopeOpened, UndosEnded
from workflows_app.core.states import StepState
from workflows_app.identifiers import uuid7
from workflows_app.services import rows, undo
from workflows_app.services.batch import Opened

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier


def undo_scope_open(
    carrier: Carrier,
    run_id: UUID,
    undos: Sequence[undo.Taken],
    *,
    parent: UUID | None = None,
    container: UUID | None = None,
) -> None:
    """Write the scope that runs these undos one by one, with the fact that begins it."""
    scope = rows.ScopeRow(
        id=uuid7(),
        run_id=run_id,
        parent_id=parent,
        container_id=container,
        ancestors=[],  # its steps name nothing outside, and a retry of one concerns it alone
        kind="undo",
        body="",
        override=undo.undo_body(undos),
        path="",
        position=None,
        state="open",
        closing=None,
        slot="",
        values={},
        steps=[],
        inbox=[],
    )
    carrier.bodies.new_scopes.append((scope, None))
    carrier.leave(scope.id, run_id, ScopeOpened())


def steps_undo(carrier: Carrier, opened: Opened, effect: wish.UndoSteps) -> None:
    """Begin to undo what a step and those after it did; go on at once where that is nothing."""
    transaction = carrier.transaction
    known = transaction.step_drafts()
    undos = undo.undos_take_of(effect.steps, effect.container, known)
    if undos:
        status = opened.draft.by_id[effect.container]
        revert.told(opened.draft, status, [one.path for one in undos])
        undo_scope_open(
            carrier,
            opened.row.run_id,
            undos,
            parent=opened.row.id,
            container=effect.container,
        )
    else:
        transaction.tell(opened, [UndosEnded(step_run=effect.container)])
        carrier.queue.append(opened)


def undos_ended(opened: Opened) -> UndosEnded:
    """Give what an undo scope that has ended tells the step around it."""
    container = opened.row.container_id
    assert container is not None  # noqa: S101
    own = (
        status
        for status in opened.draft.steps.values()
        if opened.draft.node(status).spec["undoes"] == str(container)
    )
    is_undone = any(status.state is StepState.SUCCEEDED for status in own)
    return UndosEnded(step_run=container, is_undone=is_undone)
