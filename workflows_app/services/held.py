"""Scopes kept in memory between two commits of the same process.

While nobody else writes to a run, what this process wrote last is what the database holds: the
next step of a chain needs no reading. The run row's version decides: `engine_write` refuses a
transaction that rests on an older one, and it then starts over with what it reads.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from workflows_app.core.engine.draft import StepDraft
from workflows_app.services.batch import Opened
from workflows_app.services.rows import RunRow, ScopeRow

RUNS = 300
SCOPES = 2_000  # of one run
CAREFUL_SECONDS = 1.0  # for so long a run that others write to is locked before it is read


@dataclass(slots=True)
class HeldRun:
    """A run as this process last wrote it."""

    row: RunRow
    scopes: dict[UUID, ScopeRow] = field(default_factory=dict)


class Held:
    """Runs by id; whoever takes one out is its only user until it is put back."""

    def __init__(self) -> None:
        self._runs: OrderedDict[UUID, HeldRun] = OrderedDict()
        self._contended: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def take(self, run_ids: Iterable[UUID]) -> dict[UUID, HeldRun]:
        with self._lock:
            return {
                run_id: run
                for run_id in run_ids
                if (run := self._runs.pop(run_id, None)) is not None
            }

    def put(self, run: HeldRun) -> None:
        with self._lock:
            self._runs[run.row.id] = run
            while len(self._runs) > RUNS:
                self._runs.popitem(last=False)

    def seed(self, runs: Mapping[UUID, RunRow], scopes: Mapping[UUID, ScopeRow]) -> None:
        """Remember what was read, beside what is known of the same versions."""
        found = {run_id: HeldRun(row=row) for run_id, row in runs.items() if not row.has_superseded}
        for scope in scopes.values():
            if scope.run_id in found and scope.kind != "undo" and scope.override is None:
                found[scope.run_id].scopes[scope.id] = scope
        with self._lock:
            for run_id, run in found.items():
                known = self._runs.get(run_id)
                if known is not None and known.row.version == run.row.version:
                    known.scopes.update(run.scopes)
                else:
                    self._runs[run_id] = run
            while len(self._runs) > RUNS:
                self._runs.popitem(last=False)

    def contended(self, run_ids: Iterable[UUID]) -> None:
        """Note that others write to these runs too."""
        now = time.monotonic()
        with self._lock:
            self._contended = {
                run_id: until for run_id, until in self._contended.items() if until > now
            }
            self._contended |= dict.fromkeys(run_ids, now + CAREFUL_SECONDS)

    def is_contended(self, run_ids: Iterable[UUID]) -> bool:
        with self._lock:
            now = time.monotonic()
            return any(self._contended.get(run_id, 0.0) > now for run_id in run_ids)

    def clear(self) -> None:
        with self._lock:
            self._runs.clear()
            self._contended.clear()


held = Held()


def scope_kept(opened: Opened) -> ScopeRow:
    """Give the row of a scope as its transaction left it."""
    draft = opened.draft
    return replace(
        opened.row,
        state=draft.state.value,
        closing=draft.closing,
        slot=draft.slot,
        steps=[step_kept(status) for status in draft.steps.values()],
        inbox=[],
    )


def step_kept(status: StepDraft) -> StepDraft:
    """Give a step run as it would be read back."""
    return StepDraft(
        id=status.id,
        step=status.step,
        path=status.path,
        generation=status.generation,
        state=status.state,
        port=status.port,
        attempt=status.attempt,
        token=status.token,
        reason=status.reason,
        is_container=status.is_container,
        is_cancelling=status.is_cancelling,
        is_degraded=status.is_degraded,
        is_held=status.is_held,
        is_announced=status.is_announced,
        effect=status.effect,
        approved_digest=status.approved_digest,
        waiting=status.waiting,
        progress=status.progress,
        started_at=status.started_at,
        error=status.error,
    )
