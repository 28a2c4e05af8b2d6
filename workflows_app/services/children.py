"""Runs of `workflow` steps: started and cancelled with the step that waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.facts import ScopeCancelled, fact_dump
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.batch import Opened
from workflows_app.services.context import version_context

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier


def child_start(carrier: Carrier, opened: Opened, effect: wish.StartChild) -> None:
    """Write the child run in the transaction that lets its step wait for it."""
    from workflows_app.services.start import runs_insert  # noqa: PLC0415

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
