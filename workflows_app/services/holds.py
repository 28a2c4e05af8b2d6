"""Names that one step of a run holds at a time (`exclusive`), kept while the holder waits."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core.facts import TimerFired, fact_dump
from workflows_app.models.fields import json_dump
from workflows_app.services.batch import Opened
from workflows_app.services.rows import cursor_open

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier

# A waiter looks again after this long: the holder may have let go just before it lay down. Where
# it has not, the sweep puts that off without a word.
LOOK_AGAIN = 2.0  # seconds


def hold_take(*, run_id: UUID, name: str, step_run: UUID) -> bool:
    """Take the name for this step run; False while another one holds it."""
    cursor = cursor_open()
    cursor.execute(
        "INSERT INTO workflows_app_exclusivehold (run_id, name, step_run_id)"
        " VALUES (%s, %s, %s) ON CONFLICT (run_id, name) DO UPDATE SET name = excluded.name"
        " RETURNING step_run_id",
        [run_id, name, step_run],
    )
    row = cursor.fetchone()
    return row is not None and row[0] == step_run


_WAITERS = """
SELECT s.id, s.scope_id, s.generation FROM workflows_app_steprun s
WHERE s.run_id = %s AND s.is_current AND s.state = 'waiting' AND s.reason = 'exclusive'
  AND s.waiting::json ->> 'name' = %s
ORDER BY s.ready_at LIMIT 1
"""


def holds_release(carrier: Carrier, opened: Opened) -> None:
    """Let go of what the steps that ended held, and wake the one that waited longest."""
    for status in [*opened.draft.steps.values(), *opened.draft.superseded]:
        name = opened.draft.node(status).spec.get("exclusive")
        if not name or status.is_new or not status.is_changed or status.is_open:
            continue
        cursor = cursor_open()
        cursor.execute(
            "DELETE FROM workflows_app_exclusivehold WHERE run_id = %s AND step_run_id = %s",
            [opened.row.run_id, status.id],
        )
        if not cursor.rowcount:
            continue
        cursor.execute(_WAITERS, [opened.row.run_id, name])
        for step_run, scope_id, generation in cursor.fetchall():
            fact = TimerFired(step_run=step_run, generation=generation, name="exclusive")
            carrier.inbox.append(
                {
                    "run_id": str(opened.row.run_id),
                    "scope_id": str(scope_id),
                    "fact": json_dump(fact_dump(fact)),
                    "is_counted": False,
                }
            )
            carrier.transaction.applied.touched[scope_id] = opened.row.run_id
