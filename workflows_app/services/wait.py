"""Waiting for a run on behalf of a caller, without holding a connection."""

import threading
import time
from uuid import UUID

from django.db import connection

from workflows_app.core.states import RUN_TERMINAL, RunState, WaitReason
from workflows_app.models import Run, StepRun

ANSWERS = {
    WaitReason.APPROVAL,
    WaitReason.REVIEW,
    WaitReason.CHECKPOINT,
    WaitReason.EVENT,
    WaitReason.TRIGGER,
    WaitReason.INCIDENT,
    WaitReason.BUDGET,
}


def run_wait(run_id: UUID, seconds: float) -> None:
    """Return when the run ends or waits for somebody, or when the time is up.

    The process's relay wakes it; a look at the row every 200 ms makes up for a lost hint.
    """
    deadline = time.monotonic() + seconds
    signal = _signals.listen(run_id)
    try:
        while not _answers(run_id):
            connection.close()
            left = deadline - time.monotonic()
            if left <= 0:
                return
            signal.wait(min(left, _signals.pause))
            signal.clear()
    finally:
        _signals.leave(run_id, signal)


def _answers(run_id: UUID) -> bool:
    state = Run.objects.values_list("state", flat=True).get(pk=run_id)
    if RunState(state) in RUN_TERMINAL or state == RunState.PAUSED:
        return True
    if state != RunState.WAITING:
        return False
    return StepRun.objects.filter(
        run_id=run_id, is_current=True, state="waiting", reason__in=[one.value for one in ANSWERS]
    ).exists()


class _Signals:
    """Who waits for which run in this process; the relay calls `changed`."""

    pause = 0.2

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[UUID, set[threading.Event]] = {}

    def listen(self, run_id: UUID) -> threading.Event:
        event = threading.Event()
        with self._lock:
            self._waiting.setdefault(run_id, set()).add(event)
        return event

    def leave(self, run_id: UUID, event: threading.Event) -> None:
        with self._lock:
            events = self._waiting.get(run_id, set())
            events.discard(event)
            if not events:
                self._waiting.pop(run_id, None)

    def changed(self, run_ids: list[UUID]) -> None:
        """Wake those who wait for these runs."""
        with self._lock:
            for run_id in run_ids:
                for event in self._waiting.get(run_id, ()):
                    event.set()


_signals = _Signals()
runs_changed_here = _signals.changed
