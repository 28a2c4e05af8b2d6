"""Undo and compensation: what reverses each step is recorded before it acts, and run in reverse.

A compensation is a scope of its own whose body is a chain made from the records, so each undo
is an ordinary durable step run at `path.undo`. That of a run stands beside its root and runs when
that has ended; one in the middle of a run (`revert.py`) stands inside the step that is taken back.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import REVERT, HistoryEvent, StepDraft
from workflows_app.core.states import STEP_TRANSITIONS, StepState, Trigger
from workflows_app.models.fields import json_dump
from workflows_app.services.batch import Opened, RunChange
from workflows_app.services.kept_undos import kept_are
from workflows_app.services.rows import cursor_open

JSON = Any
NO_ANSWER = "the step never answered, so nobody knows what there is to undo"
ID_LENGTH = 100  # of a step's id in its row
_MARKS = ("kind", "problem")  # of a record: not settings of the undo


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An undo that is about to run."""

    step_run: UUID
    path: str
    generation: int
    spec: JSON


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
    acted = [
        status
        for status in (*opened.draft.steps.values(), *opened.draft.superseded)
        if status.undo is not None and status.has_output
    ]
    if not acted:
        return
    rows = [{"step_run": str(one.id), "spec": json_dump(one.undo)} for one in acted]
    cursor_open().execute(
        "UPDATE workflows_app_undo u SET spec = d.spec,"
        " state = CASE WHEN u.state = 'recorded' THEN 'armed' ELSE u.state END,"
        " ordinal = nextval('workflows_app_undo_ordinal')"
        " FROM json_to_recordset(%s::json) AS d(step_run uuid, spec text)"
        " WHERE u.step_run_id = d.step_run",
        [json.dumps(rows)],
    )
    for status in acted:
        status.undo = None


def undo_drop(step_run: UUID) -> None:
    """The step never acted: there is nothing to reverse."""
    cursor_open().execute(
        "UPDATE workflows_app_undo SET state = 'dropped'"
        " WHERE step_run_id = %s AND state = 'recorded'",
        [step_run],
    )


def runs_with_undos(run_ids: Sequence[UUID]) -> set[UUID]:
    """Give those of these runs that have anything to reverse, or something that was not."""
    if not run_ids:
        return set()
    cursor = cursor_open()
    cursor.execute(
        "SELECT DISTINCT run_id FROM workflows_app_undo WHERE run_id = ANY(%s)"
        " AND state IN ('recorded', 'armed', 'requested', 'skipped')",
        [list(run_ids)],
        prepare=True,
    )
    return {row[0] for row in cursor.fetchall()}


def undos_take(run_id: UUID, *, everything: bool) -> list[Taken]:
    """Mark the undos of a run that ends as running, newest first; `requested` is of old runs."""
    states = ["recorded", "armed", "requested"] if everything else ["requested"]
    taken = _taken(
        "UPDATE workflows_app_undo SET state = 'running' WHERE run_id = %s AND state = ANY(%s)",
        [run_id, states],
    )
    _compensating([one.step_run for one in taken])
    kept_are(run_id, [one.step_run for one in taken], "succeeded", "compensating")
    return taken


_INSIDE = """
UPDATE workflows_app_undo SET state = 'running'
WHERE state IN ('recorded', 'armed', 'requested') AND step_run_id IN (
  WITH RECURSIVE bodies AS (
    SELECT id FROM workflows_app_scope WHERE container_id = ANY(%s) AND kind <> 'undo'
    UNION
    SELECT inner_one.id FROM bodies
    JOIN workflows_app_steprun held ON held.scope_id = bodies.id
    JOIN workflows_app_scope inner_one ON inner_one.container_id = held.id
      AND inner_one.kind <> 'undo'
  )
  SELECT id FROM workflows_app_steprun
  WHERE id = ANY(%s) OR scope_id IN (SELECT id FROM bodies))
"""


def undos_take_of(
    step_runs: Sequence[UUID], container: UUID, known: Mapping[UUID, StepDraft]
) -> list[Taken]:
    """Mark the undos of these step runs, and of all in their bodies, as running, newest first.

    Args:
        container: the step run that is taken back; its state is the engine's affair.
        known: the step runs of the transaction, whose rows it writes itself.
    """
    steps = list(step_runs)
    taken = _taken(_INSIDE, [steps, steps])
    others = []
    for one in taken:
        status = known.get(one.step_run)
        if one.step_run == container:
            continue
        if status is None:
            others.append(one.step_run)
        elif (status.state, Trigger.UNDO) in STEP_TRANSITIONS:
            status.state = StepState.COMPENSATING
            status.is_changed = True
    _compensating(others)
    return taken


_OF_CHILD = """
INSERT INTO workflows_app_undo (run_id, step_run_id, path, generation, spec, state, ordinal)
SELECT s.run_id, s.id, s.path, s.generation, %s, 'armed', nextval('workflows_app_undo_ordinal')
FROM workflows_app_steprun s
WHERE s.id = %s
  AND EXISTS (SELECT 1 FROM workflows_app_undo
              WHERE run_id = %s AND state IN ('recorded', 'armed', 'requested'))
  AND NOT EXISTS (SELECT 1 FROM workflows_app_undo WHERE step_run_id = s.id)
"""


_INSTEAD = """
UPDATE workflows_app_undo SET spec = %s, state = 'armed',
  ordinal = nextval('workflows_app_undo_ordinal')
WHERE step_run_id = %s AND state IN ('recorded', 'dropped')
  AND EXISTS (SELECT 1 FROM workflows_app_undo
              WHERE run_id = %s AND state IN ('recorded', 'armed', 'requested'))
"""


def undo_record_child(*, step_run: UUID, child: UUID, has_succeeded: bool) -> None:
    """Write down that the step of a child run is undone by rolling that back, if it can be.

    An undo of the step's own stands in the place of that, once the child run has ended well.
    """
    spec = json_dump({"kind": "workflow", "rollback": str(child)})
    if not has_succeeded:
        cursor_open().execute(_INSTEAD, [spec, step_run, child])
    cursor_open().execute(_OF_CHILD, [spec, step_run, child])


def _taken(statement: str, parameters: list[Any]) -> list[Taken]:
    cursor = cursor_open()
    cursor.execute(
        f"{statement} RETURNING step_run_id, path, generation, spec, ordinal, id", parameters
    )
    # What never answered gave no output to complete its undo with, and came last for all we know.
    found = sorted(
        cursor.fetchall(), key=lambda row: (row[4] is None, row[4] or 0, row[5]), reverse=True
    )
    return [
        Taken(
            step_run=row[0],
            path=row[1],
            generation=row[2],
            spec=json.loads(row[3]) | ({"problem": NO_ANSWER} if row[4] is None else {}),
        )
        for row in found
    ]


def _compensating(step_runs: list[UUID]) -> None:
    if step_runs:
        cursor_open().execute(
            "UPDATE workflows_app_steprun SET state = 'compensating'"
            " WHERE id = ANY(%s) AND state IN ('succeeded', 'cancelled', 'failed')",
            [step_runs],
        )


def undo_body(undos: Sequence[Taken]) -> JSON:
    """Give the chain that runs these undos one by one; ids are paths where they are short."""
    seen: set[str] = set()
    steps = []
    for number, one in enumerate(undos):
        path = f"{one.path}.undo"
        name = path if len(path) <= ID_LENGTH and path not in seen else f"undo {number}"
        seen.add(name)
        steps.append(
            {
                "id": name,
                "path": path,
                "kind": one.spec.get("kind", "tool"),
                "with": {key: value for key, value in one.spec.items() if key not in _MARKS},
                "rendered": True,
                "undoes": str(one.step_run),
                "retry": {"attempts": 3},
                **({"problem": one.spec["problem"]} if one.spec.get("problem") else {}),
            }
        )
    names = [str(step["id"]) for step in steps]
    edges = [
        {"from": first, "port": "done", "to": second} for first, second in itertools.pairwise(names)
    ]
    return {"steps": steps, "edges": edges}


def undos_ended(opened: Opened, change: RunChange, known: Mapping[UUID, StepDraft]) -> None:
    """Mark what was undone, or passed over by a person, in this transaction."""
    for status in opened.draft.steps.values():
        if not status.is_changed or status.finished_at != opened.draft.now:
            continue
        is_undone = status.state is StepState.SUCCEEDED
        original = UUID(opened.draft.node(status).spec["undoes"])
        cursor = cursor_open()
        cursor.execute(
            "UPDATE workflows_app_undo SET state = %s WHERE step_run_id = %s AND state = 'running'"
            " RETURNING path, generation",
            ["done" if is_undone else "skipped", original],
        )
        ended = cursor.fetchone()
        if ended is None:
            continue
        after = StepState.COMPENSATED if is_undone else _passed_over(original, known)
        if original != opened.row.container_id:
            _settle(original, after, known.get(original))
        kept_are(opened.row.run_id, [original], "compensating", after.value)
        change.history.append(
            HistoryEvent(
                type="step.undone" if is_undone else "state.changed",
                path=ended[0],
                generation=ended[1],
                from_state="compensating",
                to_state=after.value,
                why="" if is_undone else "a person passed its undo over",
            )
        )


def _passed_over(original: UUID, known: Mapping[UUID, StepDraft]) -> StepState:
    """Give what a step stays whose undo was passed over: one that an arm ended is cancelled."""
    status = known.get(original)
    if status is not None:
        progress = status.progress or {}
    else:
        cursor = cursor_open()
        cursor.execute("SELECT progress FROM workflows_app_steprun WHERE id = %s", [original])
        row = cursor.fetchone()
        progress = json.loads(row[0]) if row and row[0] else {}
    is_cancelled = (progress.get(REVERT) or {}).get("is_cancelled")
    return StepState.CANCELLED if is_cancelled else StepState.SUCCEEDED


def _settle(original: UUID, after: StepState, status: StepDraft | None) -> None:
    """Write what became of a step whose undo is over, here or where its scope is written."""
    if status is None:
        cursor_open().execute(
            "UPDATE workflows_app_steprun SET state = %s WHERE id = %s AND state = 'compensating'",
            [after.value, original],
        )
    elif status.state is StepState.COMPENSATING:
        status.state = after
        status.is_changed = True


def undos_left(run_id: UUID) -> list[str]:
    """Give the paths of a run whose undo was passed over."""
    cursor = cursor_open()
    cursor.execute(
        "SELECT path FROM workflows_app_undo WHERE run_id = %s AND state = 'skipped' ORDER BY id",
        [run_id],
    )
    return [row[0] for row in cursor.fetchall()]
