"""Rows as the engine reads and writes them: scopes, runs, and the records of a recordset.

A record leaves out what is null or false: the database fills that in, and most of it is.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from workflows_app.core.effects import StartTimer
from workflows_app.core.engine.draft import HistoryEvent, StepDraft
from workflows_app.core.facts import fact_dump
from workflows_app.core.states import StepState
from workflows_app.models.fields import json_dump

JSON = Any


class RowsChanged(Exception):
    """Another process moved a step run in between: the transaction starts over."""


@dataclass(slots=True)
class ScopeRow:
    """A locked scope with what belongs to it."""

    id: UUID
    run_id: UUID
    parent_id: UUID | None
    container_id: UUID | None
    ancestors: list[UUID]
    kind: str
    body: str
    override: JSON
    path: str
    position: int | None
    state: str
    closing: JSON
    slot: str
    values: JSON
    steps: list[StepDraft]
    inbox: list[tuple[int, JSON, bool]]  # id, fact, counted in the run's active work


@dataclass(slots=True)
class RunRow:
    """What the engine keeps of a run, read under its lock."""

    id: UUID
    state: str
    sequence: int
    active: int
    step_count: int
    ending: JSON
    degraded: JSON
    has_superseded: bool
    started_at: datetime | None
    number: int
    parent_id: UUID | None
    parent_step_run: UUID | None
    usage: tuple[int, int, float]
    version: str | None = None  # of the row (its xmin), where it was read without a lock
    may_undo: bool = True  # there may be something to reverse


def cursor_open() -> psycopg.Cursor[Any]:
    """Give a server-side-binding cursor on Django's connection."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


_OFFSET: tuple[float, float] = (0.0, 0.0)  # seconds to add to this clock, and when it was read
_OFFSET_LASTS = 60.0


def database_now() -> datetime:
    """Give the time by the database's clock, asked for once a minute.

    For times that are only shown or counted in seconds; what races is decided by the clock that
    is read under the lock.
    """
    global _OFFSET  # noqa: PLW0603
    offset, read_at = _OFFSET
    if not read_at or time.monotonic() - read_at > _OFFSET_LASTS:
        row = cursor_open().execute("SELECT clock_timestamp()").fetchone()
        offset = row[0].timestamp() - time.time() if row else 0.0
        _OFFSET = (offset, time.monotonic())
    return datetime.fromtimestamp(time.time() + offset, tz=UTC)


def commit_send() -> None:
    """Send the commit with the statements before it, where it ends the whole transaction.

    Django finds the transaction ended and only runs what was to follow it. Inside a test's or
    a caller's own transaction nothing is sent.
    """
    if len(connection.atomic_blocks) == 1 and not connection.needs_rollback:
        cursor_open().execute("COMMIT")


def load(text: str | None) -> JSON:
    """Give the value of a JSON column; SQL NULL is None."""
    return None if text is None else json.loads(text)


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def text(value: JSON) -> str | None:
    """Give a value as JSON text; None stays SQL NULL."""
    return None if value is None else json_dump(value)


def record(**fields: Any) -> dict[str, Any]:
    """Give a record of a recordset, without what is null, false, or an empty text."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not False and value != ""
    }


def step_update_row(status: StepDraft, was: str, was_token: UUID | None) -> dict[str, Any]:
    """Give the record that writes a changed step run back."""
    return record(
        id=str(status.id),
        was=was,
        was_token=str(was_token) if was_token else None,
        state=status.state.value,
        port=status.port,
        attempt=status.attempt,
        token=str(status.token) if status.token else None,
        reason=status.reason,
        is_container=status.is_container,
        is_cancelling=status.is_cancelling,
        is_degraded=status.is_degraded,
        is_held=status.is_held,
        is_announced=status.is_announced,
        effect=status.effect,
        approved_digest=status.approved_digest,
        waiting=text(status.waiting),
        progress=text(status.progress),
        is_superseded=status.is_superseded,
        is_leased=status.state is StepState.RUNNING and not status.is_container,
        started_at=_time(status.started_at) if was == "ready" else None,
        finished_at=_time(status.finished_at),
        input=text(status.input) if status.has_input else None,
        has_input=status.has_input,
        output=text(status.output) if status.has_output else None,
        has_output=status.has_output,
        error=text(status.error) if status.has_error else None,
        has_error=status.has_error,
        feedback=text(status.feedback) if status.has_feedback else None,
        has_feedback=status.has_feedback,
        input_tokens=status.usage[0],
        output_tokens=status.usage[1],
        cost_usd=status.usage[2],
    )


def step_insert_row(
    status: StepDraft,
    *,
    run_id: UUID,
    scope_id: UUID,
    kind: str,
    lease_owner: str | None = None,
    lease_expires_at: datetime | None = None,
) -> dict[str, Any]:
    """Give the record of a new step run; with a lease it is claimed at once."""
    return record(
        id=str(status.id),
        run_id=str(run_id),
        scope_id=str(scope_id),
        step=status.step,
        kind=kind,
        path=status.path,
        generation=status.generation,
        state=status.state.value,
        port=status.port,
        attempt=status.attempt,
        token=str(status.token) if status.token else None,
        lease_owner=lease_owner,
        lease_expires_at=_time(lease_expires_at),
        is_container=status.is_container,
        is_announced=status.is_announced,
        is_held=status.is_held,
        is_cancelling=status.is_cancelling,
        is_degraded=status.is_degraded,
        effect=status.effect,
        input=text(status.input),
        output=text(status.output),
        error=text(status.error),
        reason=status.reason,
        waiting=text(status.waiting),
        progress=text(status.progress),
        feedback=text(status.feedback),
        started_at=_time(status.started_at),
        finished_at=_time(status.finished_at),
    )


def scope_insert_row(row: ScopeRow, **now: Any) -> dict[str, Any]:
    """Give the record of a new scope; `now` is what became of it in this transaction."""
    fields = {
        "id": str(row.id),
        "run_id": str(row.run_id),
        "parent_id": str(row.parent_id) if row.parent_id else None,
        "container_id": str(row.container_id) if row.container_id else None,
        "ancestors": [str(scope_id) for scope_id in row.ancestors] or None,
        "kind": row.kind,
        "body": row.body,
        "override": text(row.override),
        "path": row.path,
        "position": row.position,
        "state": row.state,
        "closing": text(row.closing),
        "values": json_dump(row.values) if row.values else None,
        "slot": row.slot,
    }
    return record(**(fields | now))


_LOCK_RUNS = """
SELECT id, state, sequence, active, step_count, ending, degraded, has_superseded, started_at,
       number, parent_id, parent_step_run, input_tokens, output_tokens, cost_usd
FROM workflows_app_run WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""


def runs_lock(cursor: psycopg.Cursor[Any], run_ids: Sequence[UUID]) -> None:
    """Send the lock of the run rows; read the answer with `runs_read`."""
    cursor.execute(_LOCK_RUNS, [list(run_ids)], prepare=True)


def runs_read(cursor: psycopg.Cursor[Any]) -> dict[UUID, RunRow]:
    """Give the locked runs by id."""
    return {
        row[0]: RunRow(
            id=row[0],
            state=row[1],
            sequence=row[2],
            active=row[3],
            step_count=row[4],
            ending=load(row[5]),
            degraded=load(row[6]),
            has_superseded=row[7],
            started_at=row[8],
            number=row[9],
            parent_id=row[10],
            parent_step_run=row[11],
            usage=(row[12], row[13], row[14]),
        )
        for row in cursor.fetchall()
    }


def event_row(run_id: UUID, sequence: int, event: HistoryEvent) -> dict[str, Any]:
    """Give the record of a history event."""
    return record(
        run_id=str(run_id),
        sequence=sequence,
        at=_time(event.at),
        type=event.type,
        path=event.path,
        generation=event.generation,
        from_state=event.from_state,
        to_state=event.to_state,
        trigger=event.trigger,
        actor=event.actor,
        why=event.why,
        data=text(event.data),
    )


def attempt_rows(status: StepDraft) -> Iterator[dict[str, Any]]:
    """Give the records of attempts that ended."""
    for attempt in status.attempts:
        yield record(
            step_run=str(status.id),
            number=attempt["number"],
            worker=attempt["worker"],
            started_at=_time(attempt["started_at"]),
            ended_at=_time(attempt["ended_at"]),
            outcome=attempt["outcome"],
            error=text(attempt["error"]),
            details=text(attempt["details"]),
        )


def generations_load(run_ids: Sequence[UUID]) -> dict[UUID, dict[str, int]]:
    """Give the next generation of every path of runs in which something was superseded."""
    if not run_ids:
        return {}
    cursor = cursor_open()
    cursor.execute(
        "SELECT s.run_id, s.path, max(s.generation) + 1 FROM workflows_app_run r"
        " JOIN workflows_app_steprun s ON s.run_id = r.id"
        " WHERE r.id = ANY(%s) AND r.has_superseded GROUP BY s.run_id, s.path",
        [list(run_ids)],
        prepare=True,
    )
    found: dict[UUID, dict[str, int]] = {}
    for run_id, path, generation in cursor.fetchall():
        found.setdefault(run_id, {})[path] = generation
    return found


def timer_row(effect: StartTimer, *, run_id: UUID, scope_id: UUID) -> dict[str, Any]:
    """Give a stored "tell the scope at this time"."""
    return {
        "run_id": str(run_id),
        "scope_id": str(scope_id),
        "step_run_id": str(effect.step_run),
        "name": effect.name,
        "due_at": effect.due_at.isoformat(),
        "fact": json_dump(fact_dump(effect.fact)),
    }
