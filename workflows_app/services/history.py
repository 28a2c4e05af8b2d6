"""Writing the record: numbered by the run's own sequence, under the run row's lock."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app import notify
from workflows_app.core.engine.draft import HistoryEvent
from workflows_app.core.states import RunState
from workflows_app.models import AppEvent, Workspace
from workflows_app.services import rows
from workflows_app.services.held import held
from workflows_app.services.storage import Write

JSON = Any


def history_append(*, run_id: UUID, events: Sequence[Mapping[str, JSON]]) -> None:
    """Number and write history events of a run, last in the caller's transaction.

    Each event has `type` and any of `path`, `generation`, `from_state`, `to_state`, `trigger`,
    `actor`, `why`, `data`, `at`.
    """
    events_append({run_id: list(events)})


def events_append(by_run: Mapping[UUID, Sequence[Mapping[str, JSON]]]) -> None:
    """Write history events of several runs; the first start of a step starts its run."""
    if not by_run:
        return
    connection.ensure_connection()
    held.take(by_run)  # what this process remembers of them is old from now on
    cursor = rows.cursor_open()
    rows.runs_lock(cursor, sorted(by_run))
    runs = rows.runs_read(cursor)
    event_rows, numbers = [], []
    for run_id, events in by_run.items():
        run = runs[run_id]
        history = [HistoryEvent(**event) for event in events]
        state, started_at = run.state, None
        if run.started_at is None and any(event.type == "step.started" for event in history):
            started_at = next(event.at for event in history if event.type == "step.started")
            if state == RunState.QUEUED:
                state = RunState.RUNNING.value
                begun = HistoryEvent(
                    type="run.started", from_state="queued", to_state="running", at=started_at
                )
                history.insert(0, begun)
        event_rows += [
            rows.event_row(run_id, sequence, event)
            for sequence, event in enumerate(history, start=run.sequence + 1)
        ]
        numbers.append((run.sequence + len(history), state, started_at, run_id))
    cursor.executemany(
        "UPDATE workflows_app_run SET sequence = %s, state = %s,"
        " started_at = coalesce(started_at, %s) WHERE id = %s",
        numbers,
    )
    now = cursor.execute("SELECT clock_timestamp()").fetchone()[0]  # type: ignore[index]
    Write(now=now, send_at=now, events=event_rows).send()
    notify.runs_changed(by_run)


def app_event_record(
    *,
    workspace: Workspace | None,
    type: str,
    object: str,
    actor: str,
    why: str = "",
    data: JSON = None,
) -> AppEvent:
    """Write a change outside any run: definitions, settings, members, sign-ins, exports."""
    return AppEvent.objects.create(
        workspace=workspace, type=type, object=object, actor=actor, why=why, data=data
    )
