"""The engine's statements: claim steps, read scopes under their locks, write what became of them.

They are functions of the database, because each statement that is sent costs more than the
rows that it touches.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.states import StepState
from workflows_app.services.rows import RunRow, ScopeRow, cursor_open, load

JSON = Any
ROW_CHANGED = "CSROW"  # SQLSTATE: somebody else moved a row, the transaction starts over
_READ = "SELECT kind, id, owner, fields FROM engine_read(%s, %s, %s)"
_PEEK = "SELECT kind, id, owner, fields FROM engine_peek(%s::uuid[])"
_CLAIM = (
    "SELECT kind, id, owner, fields"
    " FROM engine_claim(%s, %s::int, %s::float8, NULL, %s::uuid[], %s::uuid[])"
)
_WRITE = (
    "SELECT engine_write(%s, %s, %s, %s::json, %s::json, %s::json, %s::bigint[], %s::bigint[],"
    " %s::json, %s::json, %s::json, %s::json, %s::json, %s::json)"
)


@dataclass(slots=True)
class Read:
    """Scopes locked in the order of their ids, their runs (not locked), and the clock."""

    scopes: dict[UUID, ScopeRow] = field(default_factory=dict)
    runs: dict[UUID, RunRow] = field(default_factory=dict)
    now: datetime | None = None
    claimed: list[tuple[UUID, UUID, JSON, JSON]] = field(default_factory=list)
    inboxes: dict[UUID, UUID] = field(default_factory=dict)  # scopes with facts: their runs


def scopes_read(scope_ids: Sequence[UUID], run_ids: Sequence[UUID], *, skip_locked: bool) -> Read:
    """Lock scopes and read them with their steps and inboxes.

    With `skip_locked`, those that another transaction holds are left out of the answer.
    """
    with connection.connection.pipeline():
        cursor = cursor_open()
        cursor.execute(_READ, [list(scope_ids), list(run_ids), skip_locked], prepare=True)
        rows = cursor.fetchall()
    return _read(rows)


def steps_take(
    *,
    worker: str,
    limit: int,
    seconds: float,
    run_ids: Sequence[UUID] | None,
    hinted: Sequence[UUID],
) -> Read:
    """Claim ready steps, oldest first, and read their scopes and runs, locking neither.

    Gives too which scopes of the hinted runs have facts in their inboxes.
    """
    cursor = cursor_open()
    runs = None if run_ids is None else list(run_ids)
    parameters = [worker, limit, seconds, runs, list(hinted) or None]
    cursor.execute(_CLAIM, parameters, prepare=True)
    return _read(cursor.fetchall())


def runs_peek(run_ids: Sequence[UUID]) -> Read:
    """Read those of these runs that have not begun, with their first scope, locking nothing."""
    cursor = cursor_open()
    cursor.execute(_PEEK, [list(run_ids)], prepare=True)
    return _read(cursor.fetchall())


def _read(rows: Sequence[tuple[str, UUID, UUID, str]]) -> Read:
    read = Read()
    for kind, key, owner, fields in rows:
        if kind == "inbox":
            read.inboxes[key] = owner
            continue
        row = json.loads(fields)
        match kind:
            case "run":
                read.runs[key] = _run_row(key, row)
            case "scope":
                read.scopes[key] = _scope_row(key, owner, row)
            case "step":
                read.scopes[owner].steps.append(_step_draft(key, row))
            case "fact":
                read.scopes[owner].inbox.append((row[0], json.loads(row[1]), row[2]))
            case "now":
                read.now = datetime.fromisoformat(row)
            case "claim":
                read.claimed.append((key, owner, load(row[0]), load(row[1])))
    return read


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _run_row(id: UUID, row: Sequence[Any]) -> RunRow:
    return RunRow(
        id=id,
        state=row[0],
        sequence=row[1],
        active=row[2],
        step_count=row[3],
        ending=load(row[4]),
        degraded=load(row[5]),
        has_superseded=row[6],
        started_at=_time(row[7]),
        number=row[8],
        parent_id=_id(row[9]),
        parent_step_run=_id(row[10]),
        usage=(row[11], row[12], float(row[13])),
        version=row[14],
        may_undo=row[15],
    )


def _scope_row(id: UUID, run_id: UUID, row: Sequence[Any]) -> ScopeRow:
    return ScopeRow(
        id=id,
        run_id=run_id,
        parent_id=_id(row[0]),
        container_id=_id(row[1]),
        ancestors=[UUID(one) for one in row[2] or ()],
        kind=row[3],
        body=row[4],
        override=load(row[5]),
        path=row[6],
        position=row[7],
        state=row[8],
        closing=load(row[9]),
        slot=row[10],
        values=load(row[11]),
        steps=[],
        inbox=[],
    )


def _step_draft(id: UUID, row: Sequence[Any]) -> StepDraft:
    return StepDraft(
        id=id,
        step=row[0],
        path=row[1],
        generation=row[2],
        state=StepState(row[3]),
        port=row[4],
        attempt=row[5],
        token=_id(row[6]),
        reason=row[7],
        is_container=row[8],
        is_cancelling=row[9],
        is_degraded=row[10],
        is_held=row[11],
        is_announced=row[12],
        effect=row[13],
        approved_digest=row[14],
        waiting=load(row[15]),
        progress=load(row[16]),
        started_at=_time(row[17]),
        error=load(row[18]),
    )


@dataclass(slots=True, kw_only=True)
class Write:
    """Everything that one transaction writes, as records."""

    now: datetime
    send_at: datetime
    lock: list[UUID] = field(default_factory=list)  # scopes that were not read under their lock
    moved: list[JSON] = field(default_factory=list)  # step runs
    scopes_moved: list[JSON] = field(default_factory=list)
    attempts: list[JSON] = field(default_factory=list)
    facts_done: list[int] = field(default_factory=list)
    timers_done: list[int] = field(default_factory=list)
    scopes: list[JSON] = field(default_factory=list)
    facts: list[JSON] = field(default_factory=list)
    timers: list[JSON] = field(default_factory=list)
    steps: list[JSON] = field(default_factory=list)
    runs: list[JSON] = field(default_factory=list)
    events: list[JSON] = field(default_factory=list)

    def send(self) -> psycopg.Cursor[Any]:
        """Send it; the answer is the version that the run rows have from now on.

        Raises:
            DatabaseError: with SQLSTATE `ROW_CHANGED`, when a row was not as it was read.
        """
        cursor = cursor_open()
        cursor.execute(
            _WRITE,
            [
                self.now,
                self.send_at,
                self.lock or None,
                _json(self.moved),
                _json(self.scopes_moved),
                _json(self.attempts),
                self.facts_done or None,
                self.timers_done or None,
                _json(self.scopes),
                _json(self.facts),
                _json(self.timers),
                _json(self.steps),
                _json(self.runs),
                _json(self.events),
            ],
            prepare=True,
        )
        return cursor

    def send_moves(self) -> None:
        """Send what must be written before the run rows are locked, and forget it."""
        first = Write(
            now=self.now,
            send_at=self.send_at,
            lock=self.lock,
            moved=self.moved,
            scopes_moved=self.scopes_moved,
        )
        first.send()
        self.lock, self.moved, self.scopes_moved = [], [], []


def _json(records: list[JSON]) -> str | None:
    return json.dumps(records) if records else None
