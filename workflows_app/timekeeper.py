"""A worker's clock: leases renewed, starts announced, lost calls cut, time-outs kept."""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.db import connection

from workflows_app.core.facts import StepFailed
from workflows_app.services.claim import claims_lost, leases_renew, starts_announce
from workflows_app.services.prepared import Prepared

if TYPE_CHECKING:
    from workflows_app.worker import Worker

logger = logging.getLogger(__name__)
ANNOUNCE_AFTER = 0.025  # seconds a step goes on before its start is worth a commit of its own
GRACE = 0.25  # seconds past its deadline before a step is given up
LOOK_EVERY = 0.5  # seconds between looks at whether calls are still wanted
LOCAL_WAIT = 2.0  # waits up to this many seconds are woken here, not by the sweeper


@dataclass(slots=True)
class _Watched:
    prepared: Prepared
    begun: float
    is_announced: bool
    is_given_up: bool = False


class Timekeeper:
    """One thread of a worker that looks at its running steps."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.tick = threading.Event()
        self._watched: dict[UUID, _Watched] = {}
        self._lock = threading.Lock()
        self._wakes: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="timekeeper", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; leases that are left will run out."""
        self._stop.set()
        self.tick.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def watch(self, prepared: Prepared) -> None:
        """Look after a step that is about to act."""
        with self._lock:
            self._watched[prepared.claim.id] = _Watched(
                prepared, time.monotonic(), is_announced=False
            )

    def unwatch(self, step_run: UUID) -> None:
        """The step has answered."""
        with self._lock:
            self._watched.pop(step_run, None)

    def is_overdue(self, seconds: float) -> bool:
        """Tell whether a step holds its slot this long after its deadline."""
        now = time.monotonic()
        with self._lock:
            return any(one.prepared.call.deadline + seconds < now for one in self._watched.values())

    def wake_at(self, times: Iterable[datetime]) -> None:
        """Look for due timers at these times, where they are near."""
        now = datetime.now(UTC)
        for due in times:
            seconds = (due - now).total_seconds()
            if seconds <= LOCAL_WAIT:
                with self._lock:
                    heapq.heappush(self._wakes, time.monotonic() + max(seconds, 0.0))
                self.tick.set()

    def _loop(self) -> None:
        renew_every = settings.LEASE_SECONDS / 3
        renewed = looked = time.monotonic()
        while not self._stop.is_set():
            self.tick.wait(self._pause())
            self.tick.clear()
            try:
                self._announce()
                self._give_up()
                self._wake()
                if time.monotonic() - looked >= LOOK_EVERY:
                    looked = time.monotonic()
                    self._cut_lost()
                if time.monotonic() - renewed >= renew_every:
                    renewed = time.monotonic()
                    self._renew()
            except Exception:
                logger.exception("the timekeeper stumbled")
            finally:
                connection.close()

    def _pause(self) -> float:
        with self._lock:
            if self._wakes:
                return max(min(self._wakes[0] - time.monotonic(), 0.05), 0.001)
            return 0.05 if self._watched else 0.2

    def _announce(self) -> None:
        now = time.monotonic()
        with self._lock:
            due = {
                step_run: one.prepared.claim.token
                for step_run, one in self._watched.items()
                if not one.is_announced and now - one.begun > ANNOUNCE_AFTER
            }
            for step_run in due:
                self._watched[step_run].is_announced = True
        starts_announce(worker=self.worker.name, claims=due)

    def _give_up(self) -> None:
        """Record a time-out for steps whose call does not come back; its slot stays taken."""
        now = time.monotonic()
        with self._lock:
            late = [
                one
                for one in self._watched.values()
                if not one.is_given_up and one.prepared.call.deadline + GRACE < now
            ]
            for one in late:
                one.is_given_up = True
                one.prepared.cancelled.set()
        for one in late:
            self.worker.write_for(one.prepared.claim, _time_out(one.prepared, self.worker.name))

    def _cut_lost(self) -> None:
        """Tell calls that nobody waits for any more: their step was cancelled or taken over."""
        now = time.monotonic()
        with self._lock:
            claims = {
                step_run: one.prepared.claim.token
                for step_run, one in self._watched.items()
                if now - one.begun >= LOOK_EVERY / 2 and not one.prepared.cancelled.is_set()
            }
        self._cut(claims_lost(claims=claims))

    def _cut(self, step_runs: Iterable[UUID]) -> None:
        with self._lock:
            for step_run in step_runs:
                if step_run in self._watched:
                    self._watched[step_run].prepared.cancelled.set()

    def _wake(self) -> None:
        from workflows_app.services.sweep import timers_fire  # noqa: PLC0415

        now = time.monotonic()
        is_due = False
        with self._lock:
            while self._wakes and self._wakes[0] <= now:
                heapq.heappop(self._wakes)
                is_due = True
        if is_due:
            timers_fire()

    def _renew(self) -> None:
        with self._lock:
            claims = {
                step_run: one.prepared.claim.token
                for step_run, one in self._watched.items()
                if not one.is_given_up
            }
        lost = leases_renew(claims=claims)
        self._cut(lost)
        with self._lock:
            for step_run in lost:
                self._watched.pop(step_run, None)


def _time_out(prepared: Prepared, worker: str) -> StepFailed:
    return StepFailed(
        step_run=prepared.claim.id,
        token=prepared.claim.token,
        actor=worker,
        input=prepared.call.settings,
        effect=prepared.effect.value,
        code="timeout",
        message="the step did not answer within its time",
        retryable=True,
        outcome_unknown=not prepared.is_idempotent,
        is_idempotent=prepared.is_idempotent,
        timed_out=True,
    )
