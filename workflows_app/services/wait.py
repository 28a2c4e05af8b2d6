"""Waiting for a run on behalf of a caller, without holding a connection."""

import threading
import time
from uuid import UUID

from django.db import connection

from workflows_app.core.states import RUN_TERMINAL, RunState, WaitReason
from workflows_app.models import Run, StepRun
from workflows_app.services.rows import cursor_open

ANSWERS = {
    WaitReason.APPROVAL,
    WaitReason.REVIEW,
    WaitReason.CHECKPOINT,
    WaitReason.EVENT,
    WaitReason.TRIGGER,
    WaitReason.INCIDENT,
    WaitReason.BUDGET,
}

_STATE = "SELECT state FROM workflows_app_run WHERE id = %s"

LOOK = 0.002  # seconds between looks in the first moments
MOMENTS = 0.05  # for so long the connection is kept too: to take it back costs more than a look
SLOWEST_LOOK = 0.25


def run_wait(run_id: UUID, seconds: float) -> None:
    """Return when the run ends or waits for somebody, or when the time is up.

    It looks often at first, because most runs that are waited for end within milliseconds, and
    then less and less; from then on no connection is held between two looks.
    """
    begun = time.monotonic()
    pause, nobody = LOOK, threading.Event()
    while not _answers(run_id):
        waited = time.monotonic() - begun
        if waited >= seconds:
            return
        if waited > MOMENTS:
            connection.close()
            pause = min(pause * 1.25, SLOWEST_LOOK)
        nobody.wait(min(seconds - waited, pause))


def _answers(run_id: UUID) -> bool:
    cursor = cursor_open()  # asked again and again: the ORM would cost more than the answer
    row = cursor.execute(_STATE, [run_id], prepare=True).fetchone()
    if row is None:
        raise Run.DoesNotExist(str(run_id))
    state = row[0]
    if RunState(state) in RUN_TERMINAL or state == RunState.PAUSED:
        return True
    if state != RunState.WAITING:
        return False
    return StepRun.objects.filter(
        run_id=run_id, is_current=True, state="waiting", reason__in=[one.value for one in ANSWERS]
    ).exists()
