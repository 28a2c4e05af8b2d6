"""What the relay reads, on its own asynchronous connection and by its own few statements."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

SNAPSHOT = 2000  # step runs that a socket is given when it connects
EVENTS = 2000  # history events of one run read at once
RECENT = "5 seconds"

_EVENTS = """
SELECT run_id, sequence, path FROM (
  SELECT e.run_id, e.sequence, e.path,
         row_number() OVER (PARTITION BY e.run_id ORDER BY e.sequence DESC) AS place
  FROM unnest(%(ids)s::uuid[], %(after)s::int[]) AS wanted(run_id, after)
  JOIN workflows_app_runevent e ON e.run_id = wanted.run_id AND e.sequence > wanted.after
) AS found WHERE place <= %(limit)s
"""
_STEPS = """
SELECT path, state, started_at, finished_at, clock_timestamp() FROM workflows_app_steprun
WHERE run_id = %(run)s AND is_current AND path = ANY(%(paths)s)
"""
_RUNS = """
SELECT r.id, r.workspace_id, r.state, r.started_at, r.finished_at, clock_timestamp()
FROM workflows_app_run r WHERE r.id = ANY(%(ids)s)
"""
_LATELY = """
SELECT DISTINCT run_id FROM workflows_app_runevent
WHERE id > (SELECT coalesce(max(id), 0) - 500 FROM workflows_app_runevent)
  AND at > clock_timestamp() - %(recent)s::interval
"""
# Ids are not committed in their order: so the last ones are counted, not only the highest read.
_LAST_EVENTS = """
SELECT workspace_id, max(id), count(*) FROM workflows_app_event
WHERE id > (SELECT coalesce(max(id), 0) - 500 FROM workflows_app_event) GROUP BY workspace_id
"""
_DRAFTS = "SELECT id, revision FROM workflows_app_workflow WHERE id = ANY(%(ids)s)"
_MARK = "SELECT max(id) FROM workflows_app_runevent"

StepFrame = tuple[str, str, int]  # path, state, milliseconds


@dataclass(frozen=True, slots=True)
class RunChange:
    """New states of steps of one run, up to `sequence` of its history."""

    run_id: UUID
    sequence: int
    steps: list[StepFrame]


@dataclass(frozen=True, slots=True)
class RunState:
    """Where a run stands, for the lists."""

    run_id: UUID
    workspace_id: UUID
    state: str
    milliseconds: int


class LiveReader:
    """Reads by the sequence of each run: a global id would miss what commits out of order."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.connection = connection
        self._mark: int | None = None
        self._last_events: dict[UUID, tuple[int, int]] | None = None

    async def _rows(self, statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        cursor = await self.connection.execute(statement, parameters, prepare=True)
        return await cursor.fetchall()

    async def changes(self, known: dict[UUID, int]) -> list[RunChange]:
        """Give for each run that has events after its known sequence what they changed."""
        rows = await self._rows(
            _EVENTS, {"ids": list(known), "after": list(known.values()), "limit": EVENTS}
        )
        newest: dict[UUID, int] = {}
        paths: dict[UUID, set[str]] = {}
        for run_id, sequence, path in rows:
            newest[run_id] = max(sequence, newest.get(run_id, 0))
            paths.setdefault(run_id, set()).update({path} if path else set())
        return [
            RunChange(run_id, sequence, await self._steps(run_id, paths[run_id]))
            for run_id, sequence in newest.items()
        ]

    async def _steps(self, run_id: UUID, paths: set[str]) -> list[StepFrame]:
        if not paths:
            return []
        rows = await self._rows(_STEPS, {"run": run_id, "paths": list(paths)})
        return [step_frame(*row) for row in rows]

    async def runs(self, run_ids: Iterable[UUID]) -> list[RunState]:
        """Give where some runs stand."""
        rows = await self._rows(_RUNS, {"ids": list(run_ids)})
        return [
            RunState(run_id, workspace_id, state, milliseconds(started, finished, now))
            for run_id, workspace_id, state, started, finished, now in rows
        ]

    async def revisions(self, workflow_ids: Iterable[UUID]) -> list[tuple[UUID, int]]:
        """Give the revision of the draft of some workflows."""
        rows = await self._rows(_DRAFTS, {"ids": list(workflow_ids)})
        return [(workflow_id, revision) for workflow_id, revision in rows]

    async def runs_lately(self) -> set[UUID]:
        """Give the runs that changed in the last seconds."""
        rows = await self._rows(_LATELY, {"recent": RECENT})
        return {row[0] for row in rows}

    async def list_mark_moved(self) -> bool:
        """Say whether anything was written since the last call; only a hint for the lists."""
        rows = await self._rows(_MARK, {})
        before, self._mark = self._mark, rows[0][0] or 0
        return before != self._mark

    async def event_spaces(self) -> set[UUID]:
        """Give the workspaces that events came in to since the last call; a hint for the stream."""
        rows = await self._rows(_LAST_EVENTS, {})
        before, self._last_events = self._last_events, {row[0]: row[1:] for row in rows}
        if before is None:
            return set()
        return {space for space, last in self._last_events.items() if before.get(space) != last}


def step_frame(
    path: str, state: str, started: datetime | None, finished: datetime | None, now: datetime
) -> StepFrame:
    """Give path, state and how long the step has lasted so far."""
    return path, state, milliseconds(started, finished, now)


def milliseconds(started: datetime | None, finished: datetime | None, now: datetime) -> int:
    """Give how long something lasted, or has lasted so far; 0 before it began."""
    if started is None:
        return 0
    return max(0, round(((finished or now) - started).total_seconds() * 1000))
