"""Runs of `workflow` steps: started and cancelled with the step that waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.facts import ChildRunEnded, RollbackAsked, ScopeCancelled, fact_dump
from workflows_app.core.states import RunState
from workflows_app.models.fields import json_dump
from workflows_app.services import rows, undo
from workflows_app.services.batch import Opened
from workflows_app.services.context import version_context
from workflows_app.services.revert import undo_scope_open

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier


def child_start(carrier: Carrier, opened: Opened, effect: wish.StartChild) -> None:
    """Write the child run in the transaction that lets its step wait for it."""
    from workflows_app.services.start import runs_insert  # noqa: PLC0415

    if "rollback" in effect.request:
        _rollback_ask(carrier, opened, effect)
        return
    context = carrier.transaction.contexts[opened.row.run_id]
    run = runs_insert(
        version=version_context(UUID(effect.request["version"])),
        inputs=[effect.request["input"]],
        mode=context.mode,
        user_id=effect.request.get("user_id"),
        actor=context.actor,
        via=f"run:{context.number}",
        parent=(opened.row.run_id, effect.step_run, effect.path),
        depth=context.depth + 1,
    )[0]
    carrier.transaction.applied.ready_runs.add(run.pk)


def _rollback_ask(carrier: Carrier, opened: Opened, effect: wish.StartChild) -> None:
    """Ask the child run to undo what it did; it answers as a run that ends does."""
    child = UUID(effect.request["rollback"])
    cursor = rows.cursor_open()
    cursor.execute(
        "SELECT id FROM workflows_app_scope WHERE run_id = %s AND kind = 'root'", [child]
    )
    found = cursor.fetchone()
    asked = RollbackAsked(
        step_run=effect.step_run,
        scope=opened.row.id,
        run=opened.row.run_id,
        generation=effect.generation,
        actor=carrier.transaction.contexts[opened.row.run_id].actor,
    )
    if found is None:  # kept no longer
        _answer(carrier, asked, child)
    else:
        carrier.leave(found[0], child, asked, is_counted=False)


def child_roll_back(carrier: Carrier, opened: Opened, effect: wish.RollBack) -> None:
    """Reopen a child run that has ended, to undo what it did, and let it answer afterwards."""
    transaction, asked = carrier.transaction, effect.asked
    run_id = opened.row.run_id
    change = transaction.change(run_id)
    state = RunState(transaction.runs[run_id].state)
    tell = {
        "step_run": str(asked.step_run),
        "scope": str(asked.scope),
        "run": str(asked.run),
        "generation": asked.generation,
    }
    if state is RunState.COMPENSATING:  # it is about it already
        change.rollback = {"tell": tell}
        return
    undos = undo.undos_take(run_id, everything=True)
    if not undos:
        _answer(carrier, asked, run_id)
        return
    cursor = rows.cursor_open()
    cursor.execute("SELECT output, error FROM workflows_app_run WHERE id = %s", [run_id])
    output, error = cursor.fetchone() or (None, None)
    change.rollback = {
        "tell": tell,
        "state": state.value,
        "output": rows.load(output),
        "error": rows.load(error),
        "compensated": True,
        "reason": "the run that started it is rolled back",
        "actor": asked.actor,
    }
    undo_scope_open(carrier, run_id, undos)


def _answer(carrier: Carrier, asked: RollbackAsked, child: UUID) -> None:
    """Tell the undo that waits that there is nothing left to undo."""
    fact = ChildRunEnded(
        step_run=asked.step_run,
        generation=asked.generation,
        run=child,
        state=RunState.COMPENSATED.value,
    )
    carrier.leave(asked.scope, asked.run, fact, is_counted=False)


def child_cancel(carrier: Carrier, effect: wish.CancelChild) -> None:
    """Leave the cancel for the child's root scope; its end comes back as a fact."""
    cursor = rows.cursor_open()
    cursor.execute(
        "SELECT s.id, s.run_id FROM workflows_app_run r"
        " JOIN workflows_app_scope s ON s.run_id = r.id AND s.kind = 'root'"
        " WHERE r.parent_step_run = %s AND r.finished_at IS NULL",
        [effect.step_run],
    )
    for scope_id, run_id in cursor.fetchall():
        fact = ScopeCancelled(why=effect.why, actor=effect.actor)
        carrier.inbox.append(
            {
                "run_id": str(run_id),
                "scope_id": str(scope_id),
                "fact": json_dump(fact_dump(fact)),
                "is_counted": False,
            }
        )
        carrier.transaction.applied.touched[scope_id] = run_id
