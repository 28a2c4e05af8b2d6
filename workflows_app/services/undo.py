"""Undo and compensation: what reverses each step is recorded before it acts, and run in reverse.

A compensation is a scope of its own whose body is a chain made from the records, so each undo
is an ordinary durable step run at `path.undo`.
"""

import itertools
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import HistoryEvent
from workflows_app.core.states import StepState
from workflows_app.models.fields import json_dump
from workflows_app.services.batch import Opened, RunChange
from workflows_app.services.rows import cursor_open

JSON = Any


def undo_record(*, run_id: UUID, step_run: UUID, path: str, generation: int, spec: JSON) -> None:
    """Write down what will reverse a step, before it acts; a repeat changes nothing."""
    cursor_open().execute(
        "INSERT INTO workflows_app_undo (run_id, step_run_id, path, generation, spec, state)"
        " SELECT %s, %s, %s, %s, %s, 'recorded' WHERE NOT EXISTS"
        " (SELECT 1 FROM workflows_app_undo WHERE step_run_id = %s)",
        [run_id, step_run, path, generation, json_dump(spec), step_run],
    )


def undos_arm(opened: Opened) -> None:
    """Complete the undos of steps that acted: their arguments name the output."""
    rows = [
        {"step_run": str(status.id), "spec": json_dump(status.undo)}
        for status in opened.draft.steps.values()
        if status.undo is not None and status.has_output
    ]
    if rows:
        cursor_open().execute(
            "UPDATE workflows_app_undo u SET spec = d.spec,"
            " state = CASE WHEN u.state = 'recorded' THEN 'armed' ELSE u.state END,"
            " ordinal = nextval('workflows_app_undo_ordinal')"
            " FROM json_to_recordset(%s::json) AS d(step_run uuid, spec text)"
            " WHERE u.step_run_id = d.step_run",
            [json.dumps(rows)],
        )


def undo_request(step_run: UUID) -> None:
    """Reverse this step, and all that its body did, when the run ends, whatever else is kept."""
    cursor_open().execute(
        "UPDATE workflows_app_undo u SET state = 'requested' FROM workflows_app_steprun s"
        " WHERE s.id = %s AND u.run_id = s.run_id AND u.state IN ('recorded', 'armed')"
        " AND (u.step_run_id = s.id OR starts_with(u.path, s.path || '.')"
        " OR starts_with(u.path, s.path || '['))",
        [step_run],
    )


def undo_drop(step_run: UUID) -> None:
    """The step never acted: there is nothing to reverse."""
    cursor_open().execute(
        "UPDATE workflows_app_undo SET state = 'dropped'"
        " WHERE step_run_id = %s AND state = 'recorded'",
        [step_run],
    )


def runs_with_undos(run_ids: Sequence[UUID]) -> set[UUID]:
    """Give those of these runs that have anything to reverse."""
    if not run_ids:
        return set()
    cursor = cursor_open()
    cursor.execute(
        "SELECT DISTINCT run_id FROM workflows_app_undo"
        " WHERE run_id = ANY(%s) AND state IN ('armed', 'requested')",
        [list(run_ids)],
        prepare=True,
    )
    return {row[0] for row in cursor.fetchall()}


def undos_take(run_id: UUID, *, everything: bool) -> list[tuple[UUID, str, int, JSON]]:
    """Mark a run's undos as running; give id, path, generation and spec, newest first."""
    states = ["armed", "requested"] if everything else ["requested"]
    cursor = cursor_open()
    # What never answered gave no output to complete its undo with: nobody knows what to reverse.
    cursor.execute(
        "UPDATE workflows_app_undo SET state = 'skipped'"
        " WHERE run_id = %s AND state = 'requested' AND ordinal IS NULL",
        [run_id],
    )
    cursor.execute(
        "UPDATE workflows_app_undo SET state = 'running' WHERE run_id = %s AND state = ANY(%s)"
        " RETURNING step_run_id, path, generation, spec, ordinal, id",
        [run_id, states],
    )
    found = sorted(cursor.fetchall(), key=lambda row: (row[4] or 0, row[5]), reverse=True)
    cursor.execute(
        "UPDATE workflows_app_steprun SET state = 'compensating'"
        " WHERE id = ANY(%s) AND state IN ('succeeded', 'cancelled', 'failed')",
        [[row[0] for row in found]],
    )
    return [(row[0], row[1], row[2], json.loads(row[3])) for row in found]


def undo_body(undos: list[tuple[UUID, str, int, JSON]]) -> JSON:
    """Give the chain that runs these undos one by one; ids are the paths of the undo steps."""
    ids = [f"{path}.undo" for _step_run, path, _generation, _spec in undos]
    steps = [
        {
            "id": name,
            "kind": spec.get("kind", "tool"),
            "with": {key: value for key, value in spec.items() if key != "kind"},
            "rendered": True,
            "undoes": str(step_run),
            "retry": {"attempts": 3},
        }
        for name, (step_run, _path, _generation, spec) in zip(ids, undos, strict=True)
    ]
    edges = [
        {"from": first, "port": "done", "to": second} for first, second in itertools.pairwise(ids)
    ]
    return {"steps": steps, "edges": edges}


def undos_ended(opened: Opened, change: RunChange) -> None:
    """Mark what was undone, or passed over by a person, in this transaction."""
    for status in opened.draft.steps.values():
        if not status.is_changed or status.finished_at != opened.draft.now:
            continue
        is_undone = status.state is StepState.SUCCEEDED
        original = UUID(opened.draft.node(status).spec["undoes"])
        cursor = cursor_open()
        cursor.execute(
            "UPDATE workflows_app_undo SET state = %s WHERE step_run_id = %s AND state = 'running'",
            ["done" if is_undone else "skipped", original],
        )
        cursor.execute(
            "UPDATE workflows_app_steprun SET state = %s WHERE id = %s AND state = 'compensating'"
            " RETURNING path, generation",
            ["compensated" if is_undone else "succeeded", original],
        )
        for path, generation in cursor.fetchall():
            change.history.append(
                HistoryEvent(
                    type="step.undone",
                    path=path,
                    generation=generation,
                    from_state="compensating",
                    to_state="compensated" if is_undone else "succeeded",
                    why="" if is_undone else "a person passed its undo over",
                )
            )


def undos_left(run_id: UUID) -> list[str]:
    """Give the paths of a run whose undo was passed over, or could not be made."""
    cursor = cursor_open()
    cursor.execute(
        "SELECT path FROM workflows_app_undo WHERE run_id = %s AND state = 'skipped' ORDER BY id",
        [run_id],
    )
    return [row[0] for row in cursor.fetchall()]
