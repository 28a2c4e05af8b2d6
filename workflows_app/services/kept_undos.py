"""Undos of results that are kept: they go over to the run that rests on them.

What a step did is undone by the newest run that keeps its result, and by no other; the record of
an undo belongs to one run at a time (docs/adr/0010-undos-go-with-results.md).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from workflows_app.services.history import events_append
from workflows_app.services.rows import cursor_open

ACTED = "acted"  # in the progress of a kept step: the step run that acted, in whichever run
# The step runs whose results are kept, all in their bodies, and what was recorded to undo them.
_UNDOS = """
WITH RECURSIVE held AS (
  SELECT s.id AS kept, coalesce((s.progress::json ->> 'acted')::uuid, s.id) AS acted
  FROM workflows_app_steprun s WHERE s.id = ANY(%s)
  UNION
  SELECT held.kept, coalesce((inner_one.progress::json ->> 'acted')::uuid, inner_one.id)
  FROM held
  JOIN workflows_app_scope body ON body.container_id = held.acted AND body.kind <> 'undo'
  JOIN workflows_app_steprun inner_one ON inner_one.scope_id = body.id
)
SELECT held.kept, u.id, u.state FROM held
JOIN workflows_app_undo u ON u.step_run_id = held.acted
ORDER BY u.id FOR UPDATE OF u
"""
_OVER = ("running", "done", "failed")


_TAKE_OVER = """
UPDATE workflows_app_undo u SET run_id = fresh.id
FROM workflows_app_undo before, workflows_app_run fresh
WHERE before.id = u.id AND u.id = ANY(%s) AND fresh.id = %s
RETURNING before.run_id, u.path, u.generation, fresh.number
"""


def undos_lock(run_id: UUID, step_runs: Sequence[UUID]) -> dict[UUID, list[int]]:
    """Lock what would undo these step runs; give the records that can go over, by step run.

    A step run that is undone already, or about to be, is left out: its result cannot be kept.
    The run's row is locked first, as a rollback does it: its history will say what went over.
    """
    cursor = cursor_open()
    statement = "SELECT 1 FROM workflows_app_run WHERE id = %s FOR NO KEY UPDATE"
    cursor.execute(statement, [run_id], prepare=True)
    cursor.execute(_UNDOS, [list(step_runs)], prepare=True)
    found = cursor.fetchall()
    undone = {kept for kept, _id, state in found if state in _OVER}
    free: dict[UUID, list[int]] = {one: [] for one in step_runs if one not in undone}
    for kept, undo_id, state in found:
        if kept in free and state == "armed":
            free[kept].append(undo_id)
    return free


def undos_take_over(undos: Sequence[int], run_id: UUID) -> None:
    """Let a run undo what it keeps; the run that acted, or kept it before, no longer does.

    The history of that run says so.
    """
    if not undos:
        return
    cursor = cursor_open()
    cursor.execute(_TAKE_OVER, [list(undos), run_id])
    told: dict[UUID, list[dict[str, Any]]] = {}
    for before, path, generation, number in sorted(cursor.fetchall(), key=lambda row: row[1]):
        told.setdefault(before, []).append(
            {
                "type": "state.changed",
                "path": path,
                "generation": generation,
                "from_state": "succeeded",
                "to_state": "succeeded",
                "trigger": "kept",
                "why": f"run {number} keeps its result, and is the one that undoes it from now on",
                "data": {"kept_by": str(run_id)},
            }
        )
    events_append(told)


def kept_are(run_id: UUID, acted: Sequence[UUID], before: str, after: str) -> None:
    """Say of results that a run keeps what becomes of the step runs that acted, in other runs."""
    cursor_open().execute(
        "UPDATE workflows_app_steprun SET state = %s WHERE run_id = %s AND is_current"
        " AND (SELECT continued_from_id FROM workflows_app_run WHERE id = %s) IS NOT NULL"
        " AND state = %s AND progress::json ->> 'acted' = ANY(%s)",
        [after, run_id, run_id, before, [str(one) for one in acted]],
    )
