"""Reading and writing scopes in bulk: a constant number of statements for any number of them.

The engine's hot path uses a raw cursor in pipeline mode, because the ORM costs more per step
than the commit does. Everything runs inside the caller's transaction.
"""

import json
import time
from collections.abc import Iterable, Sequence
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


_SCOPES = """
SELECT id, run_id, parent_id, container_id, ancestors, kind, body, override, path, position,
       state, closing, slot, "values"
FROM workflows_app_scope WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
_STEPS = """
SELECT scope_id, id, step, path, generation, state, port, attempt, token, reason, is_container,
       is_cancelling, is_degraded, is_held, is_announced, effect, approved_digest, waiting,
       progress, started_at, error
FROM workflows_app_steprun WHERE scope_id = ANY(%s) AND is_current
"""
_INBOX = """
SELECT id, scope_id, fact, is_counted FROM workflows_app_inboxfact
WHERE scope_id = ANY(%s) ORDER BY id LIMIT 5000
"""
_CLOCK = """
SELECT clock_timestamp(), array(
  SELECT id FROM workflows_app_run WHERE id = ANY(%s) AND has_superseded)
"""


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


def _load(text: str | None) -> JSON:
    return None if text is None else json.loads(text)


def scopes_lock(
    scope_ids: Sequence[UUID], run_ids: Sequence[UUID], *, skip_locked: bool
) -> tuple[list[ScopeRow], datetime, list[UUID]]:
    """Lock scopes in the order of their ids and read them with their steps and inboxes.

    Gives them with the database's time and those of the runs in which something was superseded.

    With `skip_locked`, those that another transaction holds are left out of the answer.
    """
    ids = list(scope_ids)
    with connection.connection.pipeline():
        scopes, steps, inbox, clock = (cursor_open() for _ in range(4))
        scopes.execute(_SCOPES + (" SKIP LOCKED" if skip_locked else ""), [ids], prepare=True)
        steps.execute(_STEPS, [ids], prepare=True)
        inbox.execute(_INBOX, [ids], prepare=True)
        clock.execute(_CLOCK, [list(run_ids)], prepare=True)
        rows = {row[0]: scope_row(row) for row in scopes.fetchall()}
        for scope_id, *step in steps.fetchall():
            if scope_id in rows:
                rows[scope_id].steps.append(_step_draft(step))
        for fact_id, scope_id, fact, is_counted in inbox.fetchall():
            if scope_id in rows:
                rows[scope_id].inbox.append((fact_id, json.loads(fact), is_counted))
        now, superseded = clock.fetchall()[0]
    return list(rows.values()), now, superseded


def scope_row(row: Sequence[Any]) -> ScopeRow:
    return ScopeRow(
        id=row[0],
        run_id=row[1],
        parent_id=row[2],
        container_id=row[3],
        ancestors=list(row[4] or ()),
        kind=row[5],
        body=row[6],
        override=_load(row[7]),
        path=row[8],
        position=row[9],
        state=row[10],
        closing=_load(row[11]),
        slot=row[12],
        values=_load(row[13]),
        steps=[],
        inbox=[],
    )


def _step_draft(row: Sequence[Any]) -> StepDraft:
    return StepDraft(
        id=row[0],
        step=row[1],
        path=row[2],
        generation=row[3],
        state=StepState(row[4]),
        port=row[5],
        attempt=row[6],
        token=row[7],
        reason=row[8],
        is_container=row[9],
        is_cancelling=row[10],
        is_degraded=row[11],
        is_held=row[12],
        is_announced=row[13],
        effect=row[14],
        approved_digest=row[15],
        waiting=_load(row[16]),
        progress=_load(row[17]),
        started_at=row[18],
        error=_load(row[19]),
    )


def _time(value: datetime | None) -> str | None:
    return value.isoformat() if value else None


def text(value: JSON) -> str | None:
    """Give a value as JSON text; None stays SQL NULL."""
    return None if value is None else json_dump(value)


_UPDATE = """
UPDATE workflows_app_steprun s SET
  state = d.state, port = d.port, attempt = d.attempt, token = d.token, reason = d.reason,
  is_container = d.is_container, is_cancelling = d.is_cancelling, is_degraded = d.is_degraded,
  is_held = d.is_held, is_announced = d.is_announced, effect = d.effect,
  approved_digest = d.approved_digest, waiting = d.waiting, progress = d.progress,
  is_current = NOT d.is_superseded,
  lease_owner = CASE WHEN d.is_leased THEN s.lease_owner END,
  lease_expires_at = CASE WHEN d.is_leased THEN s.lease_expires_at END,
  ready_at = CASE WHEN d.state = 'ready' AND s.state <> 'ready' THEN %(now)s ELSE s.ready_at END,
  send_at = CASE WHEN d.state = 'ready' THEN %(send_at)s ELSE NULL END,
  sends = CASE WHEN d.state = 'ready' AND s.state = 'ready' THEN s.sends ELSE 0 END,
  finished_at = d.finished_at,
  input = CASE WHEN d.has_input THEN d.input ELSE s.input END,
  output = CASE WHEN d.has_output THEN d.output ELSE s.output END,
  error = CASE WHEN d.has_error THEN d.error ELSE s.error END,
  feedback = CASE WHEN d.has_feedback THEN d.feedback ELSE s.feedback END,
  input_tokens = s.input_tokens + d.input_tokens,
  output_tokens = s.output_tokens + d.output_tokens,
  cost_usd = s.cost_usd + d.cost_usd
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, was text, was_token uuid, state text, port text, attempt int, token uuid, reason text,
  is_container bool, is_cancelling bool, is_degraded bool, is_held bool, is_announced bool,
  effect text, approved_digest text, waiting text, progress text, is_superseded bool,
  is_leased bool, finished_at timestamptz, input text, has_input bool, output text,
  has_output bool, error text, has_error bool, feedback text, has_feedback bool,
  input_tokens bigint, output_tokens bigint, cost_usd float8)
WHERE s.id = d.id AND s.state = d.was AND s.token IS NOT DISTINCT FROM d.was_token
"""
_INSERT = """
INSERT INTO workflows_app_steprun (
  id, run_id, scope_id, step, kind, path, generation, is_current, state, port, attempt, token,
  lease_owner, lease_expires_at, is_container, is_announced, is_held, is_cancelling, is_degraded,
  effect, approved_digest, input, output, error, reason, waiting, progress, feedback,
  input_tokens, output_tokens, cost_usd, ready_at, send_at, sends, started_at, finished_at)
SELECT d.id, d.run_id, d.scope_id, d.step, d.kind, d.path, d.generation, true, d.state, d.port,
  d.attempt, d.token, d.lease_owner, d.lease_expires_at, d.is_container, d.is_announced,
  d.is_held, d.is_cancelling, d.is_degraded, d.effect, NULL, d.input, d.output, d.error, d.reason,
  d.waiting, d.progress, d.feedback, 0, 0, 0, %(now)s,
  CASE WHEN d.state = 'ready' THEN %(send_at)s::timestamptz END, 0, d.started_at, d.finished_at
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, run_id uuid, scope_id uuid, step text, kind text, path text, generation int, state text,
  port text, attempt int, token uuid, lease_owner text, lease_expires_at timestamptz,
  is_container bool, is_announced bool, is_held bool, is_cancelling bool, is_degraded bool,
  effect text, input text, output text, error text, reason text, waiting text, progress text,
  feedback text, started_at timestamptz, finished_at timestamptz)
"""


def step_update_row(status: StepDraft, was: str, was_token: UUID | None) -> dict[str, Any]:
    """Give the recordset row that writes a changed step run back."""
    return {
        "id": str(status.id),
        "was": was,
        "was_token": str(was_token) if was_token else None,
        "state": status.state.value,
        "port": status.port,
        "attempt": status.attempt,
        "token": str(status.token) if status.token else None,
        "reason": status.reason,
        "is_container": status.is_container,
        "is_cancelling": status.is_cancelling,
        "is_degraded": status.is_degraded,
        "is_held": status.is_held,
        "is_announced": status.is_announced,
        "effect": status.effect,
        "approved_digest": status.approved_digest,
        "waiting": text(status.waiting),
        "progress": text(status.progress),
        "is_superseded": status.is_superseded,
        "is_leased": status.state is StepState.RUNNING and not status.is_container,
        "finished_at": _time(status.finished_at),
        "input": text(status.input) if status.has_input else None,
        "has_input": status.has_input,
        "output": text(status.output) if status.has_output else None,
        "has_output": status.has_output,
        "error": text(status.error) if status.has_error else None,
        "has_error": status.has_error,
        "feedback": text(status.feedback) if status.has_feedback else None,
        "has_feedback": status.has_feedback,
        "input_tokens": status.usage[0],
        "output_tokens": status.usage[1],
        "cost_usd": status.usage[2],
    }


def step_insert_row(
    status: StepDraft,
    *,
    run_id: UUID,
    scope_id: UUID,
    kind: str,
    lease_owner: str | None = None,
    lease_expires_at: datetime | None = None,
) -> dict[str, Any]:
    """Give the recordset row of a new step run; with a lease it is claimed at once."""
    return {
        "id": str(status.id),
        "run_id": str(run_id),
        "scope_id": str(scope_id),
        "step": status.step,
        "kind": kind,
        "path": status.path,
        "generation": status.generation,
        "state": status.state.value,
        "port": status.port,
        "attempt": status.attempt,
        "token": str(status.token) if status.token else None,
        "lease_owner": lease_owner,
        "lease_expires_at": _time(lease_expires_at),
        "is_container": status.is_container,
        "is_announced": status.is_announced,
        "is_held": status.is_held,
        "is_cancelling": status.is_cancelling,
        "is_degraded": status.is_degraded,
        "effect": status.effect,
        "input": text(status.input),
        "output": text(status.output),
        "error": text(status.error),
        "reason": status.reason,
        "waiting": text(status.waiting),
        "progress": text(status.progress),
        "feedback": text(status.feedback),
        "started_at": _time(status.started_at),
        "finished_at": _time(status.finished_at),
    }


_UPDATE_SCOPES = """
UPDATE workflows_app_scope s SET state = d.state, closing = d.closing, slot = d.slot,
  override = coalesce(d.override, s.override),
  output = CASE WHEN d.has_output THEN d.output ELSE s.output END
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, state text, closing text, slot text, override text, output text, has_output bool)
WHERE s.id = d.id
"""
_INSERT_SCOPES = """
INSERT INTO workflows_app_scope (id, run_id, parent_id, container_id, ancestors, kind, body,
  override, path, position, state, closing, "values", output, slot)
SELECT d.id, d.run_id, d.parent_id, d.container_id, %(ancestors)s::uuid[], d.kind, d.body,
  d.override, d.path, d.position, d.state, d.closing, d."values", d.output, d.slot
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, run_id uuid, parent_id uuid, container_id uuid, kind text, body text, override text,
  path text, "position" int, state text, closing text, "values" text, output text, slot text)
"""
_INSERT_INBOX = """
INSERT INTO workflows_app_inboxfact (run_id, scope_id, fact, is_counted, created_at)
SELECT d.run_id, d.scope_id, d.fact, d.is_counted, now()
FROM json_to_recordset(%(rows)s::json) AS d(
  run_id uuid, scope_id uuid, fact text, is_counted bool)
"""
_INSERT_ATTEMPTS = """
INSERT INTO workflows_app_attempt
  (step_run_id, number, worker, started_at, ended_at, outcome, error, details)
SELECT d.step_run, d.number, d.worker, d.started_at, d.ended_at, d.outcome, d.error, d.details
FROM json_to_recordset(%(rows)s::json) AS d(
  step_run uuid, number int, worker text, started_at timestamptz, ended_at timestamptz,
  outcome text, error text, details text)
"""
_INSERT_EVENTS = """
INSERT INTO workflows_app_runevent (run_id, sequence, at, type, path, generation, from_state,
  to_state, trigger, actor, why, data)
SELECT d.run_id, d.sequence, coalesce(d.at, %(now)s), d.type, d.path, d.generation, d.from_state,
  d.to_state, d.trigger, d.actor, d.why, d.data
FROM json_to_recordset(%(rows)s::json) AS d(
  run_id uuid, sequence int, at timestamptz, type text, path text, generation int,
  from_state text, to_state text, trigger text, actor text, why text, data text)
"""
_LOCK_RUNS = """
SELECT id, state, sequence, active, step_count, ending, degraded, has_superseded, started_at,
       number, parent_id, parent_step_run, input_tokens, output_tokens, cost_usd
FROM workflows_app_run WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE
"""
_UPDATE_RUNS = """
UPDATE workflows_app_run r SET state = d.state, sequence = d.sequence, active = d.active,
  step_count = d.step_count, ending = d.ending, degraded = d.degraded,
  has_superseded = d.has_superseded, started_at = d.started_at,
  finished_at = CASE WHEN d.has_ended THEN %(now)s WHEN d.reopens THEN NULL
    ELSE r.finished_at END,
  output = CASE WHEN d.has_output THEN d.output ELSE r.output END,
  error = CASE WHEN d.has_error THEN d.error ELSE r.error END,
  input_tokens = d.input_tokens, output_tokens = d.output_tokens, cost_usd = d.cost_usd
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, state text, sequence int, active int, step_count int, ending text, degraded text,
  has_superseded bool, started_at timestamptz, has_ended bool, reopens bool,
  output text, has_output bool,
  error text, has_error bool, input_tokens bigint, output_tokens bigint, cost_usd float8)
WHERE r.id = d.id
"""


def execute(cursor: psycopg.Cursor[Any], statement: str, rows: Iterable[JSON], **more: Any) -> None:
    """Run a recordset statement, if there is anything to write."""
    rows = list(rows)
    if rows:
        cursor.execute(statement, {"rows": json.dumps(rows), **more}, prepare=True)


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
            ending=_load(row[5]),
            degraded=_load(row[6]),
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
    """Give the recordset row of a history event."""
    return {
        "run_id": str(run_id),
        "sequence": sequence,
        "at": _time(event.at),
        "type": event.type,
        "path": event.path,
        "generation": event.generation,
        "from_state": event.from_state,
        "to_state": event.to_state,
        "trigger": event.trigger,
        "actor": event.actor,
        "why": event.why,
        "data": text(event.data),
    }


UPDATE_STEPS, INSERT_STEPS = _UPDATE, _INSERT
UPDATE_SCOPES, INSERT_SCOPES = _UPDATE_SCOPES, _INSERT_SCOPES
INSERT_INBOX, INSERT_ATTEMPTS, INSERT_EVENTS = _INSERT_INBOX, _INSERT_ATTEMPTS, _INSERT_EVENTS
UPDATE_RUNS = _UPDATE_RUNS


def attempt_rows(attempts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the recordset rows of attempts that ended."""
    return [
        {
            **attempt,
            "started_at": _time(attempt["started_at"]),
            "ended_at": _time(attempt["ended_at"]),
            "error": text(attempt["error"]),
            "details": text(attempt["details"]),
        }
        for attempt in attempts
    ]


def inbox_delete(ids: Sequence[int]) -> None:
    """Remove facts that were handled."""
    if ids:
        cursor_open().execute(
            "DELETE FROM workflows_app_inboxfact WHERE id = ANY(%s)", [list(ids)], prepare=True
        )


def timers_delete(ids: Sequence[int]) -> None:
    """Remove timers that have fired."""
    if ids:
        cursor_open().execute(
            "DELETE FROM workflows_app_timer WHERE id = ANY(%s)", [list(ids)], prepare=True
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


INSERT_TIMERS = """
INSERT INTO workflows_app_timer (run_id, scope_id, step_run_id, name, due_at, fact)
SELECT d.run_id, d.scope_id, d.step_run_id, d.name, d.due_at, d.fact
FROM json_to_recordset(%(rows)s::json) AS d(
  run_id uuid, scope_id uuid, step_run_id uuid, name text, due_at timestamptz, fact text)
"""


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
