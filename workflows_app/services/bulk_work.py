"""Carrying bulk operations out: run by run, each in its own transactions.

An item is taken by a row (SKIP LOCKED), so any number of processes share an operation. The
act itself is the same service that steers one run. Its reason carries the operation's mark
into the run's history; an item whose process died is done if the mark is found there, and is
acted on otherwise: so each run is steered once.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from workflows_app.errors import DomainError, IllegalState
from workflows_app.models import BulkItem, BulkOperation, Run, RunEvent
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.carry_on import run_carry_on
from workflows_app.services.clock import database_now
from workflows_app.services.control import run_cancel, run_pause, run_resume
from workflows_app.services.history import app_event_record
from workflows_app.services.rerun import run_fail, run_retry, run_skip

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)
KEPT_UNCONFIRMED = timedelta(hours=1)
ACTS: dict[str, Callable[..., Run]] = {
    "retry": run_retry,
    "cancel": run_cancel,
    "pause": run_pause,
    "resume": run_resume,
    "skip": run_skip,
    "fail": run_fail,
}


def mark_of(operation: BulkOperation) -> str:
    """Give what the history of each run says beside the reason."""
    return f"bulk operation {operation.number}"


class BulkWork:
    """One thread that works while there is anything to do, so that no timer waits for it."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bulk")
        self._busy = threading.Lock()

    def sweep(self, now: datetime) -> int:
        """Go to work where something is open, and drop what nobody confirmed."""
        old = BulkOperation.objects.filter(
            state="proposed", created_at__lt=Now() - KEPT_UNCONFIRMED
        )
        if old.exists():
            old.delete()
        if not _is_anything_open():
            return 0
        if not self._busy.acquire(blocking=False):
            return 0
        self._thread.submit(self._work)
        return 1

    def _work(self) -> None:
        try:
            while bulk_work(seconds=5.0):
                pass
        except Exception:
            logger.exception("bulk operations stumbled; the next sweep goes on with them")
        finally:
            self._busy.release()
            connection.close()


bulk = BulkWork()


def _is_anything_open() -> bool:
    """Tell whether an operation runs, or was stopped while an item of it was worked on."""
    running = BulkOperation.objects.filter(state="running")
    left = BulkItem.objects.filter(state__in=["pending", "working"], operation__state="stopped")
    return running.exists() or left.exists()


def bulk_work(*, seconds: float) -> int:
    """Carry items out for about so long; give how many."""
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        item = item_take()
        if item is None:
            break
        item_settle(item)
        count += 1
    operations_end()
    return count


@transaction.atomic
def item_take() -> BulkItem | None:
    """Take the next item, or one whose process has not been heard of."""
    now = database_now()
    free = Q(state="pending") | Q(state="working", taken_at__lt=now - LEASE)
    found = (
        BulkItem.objects.select_for_update(of=("self",), skip_locked=True)
        .filter(free, operation__state__in=["running", "stopped"])
        .select_related("operation__workspace", "operation__user")
        .order_by("operation_id", "pk")
        .first()
    )
    if found is not None:
        found.state, found.taken_at = "working", now
        found.attempts += 1
        found.save(update_fields=["state", "taken_at", "attempts"])
    return found


def item_settle(item: BulkItem) -> None:
    """Steer the run of one item and write what came of it."""
    problem, made = None, None
    try:
        made = _act(item)
    except DomainError as error:
        problem = {"code": error.code, "message": error.message}
    except Exception as error:
        logger.exception("bulk item %s", item.pk)
        problem = {"code": "internal_error", "message": f"{type(error).__name__}: {error}"[:500]}
    BulkItem.objects.filter(pk=item.pk, state="working", attempts=item.attempts).update(
        state="failed" if problem else "done", problem=problem, result_run=made, ended_at=Now()
    )


def _act(item: BulkItem) -> int | None:
    """Do it once; give the number of the new run where the action made one."""
    operation = item.operation
    _still_may(operation)
    is_repeat = item.attempts > 1
    if is_repeat and (done := _done_before(item)):
        return done[1]
    act, fields = ACTS[operation.action], dict(operation.fields or {})
    if operation.action == "retry" and "version" in fields:
        act, fields["user"] = run_carry_on, operation.user
    why = " · ".join(filter(None, (operation.reason.strip(), mark_of(operation))))
    try:
        run = act(run_id=item.run_id, actor=operation.actor, reason=why, **fields)
    except IllegalState:
        # A child run went with its parent, which this operation steered as well.
        if _done_before(item):
            return None
        raise
    return run.number if run.pk != item.run_id else None


def _still_may(operation: BulkOperation) -> None:
    """Refuse for a person who lost the right since the operation began."""
    if operation.user is not None:
        principal_of_user(operation.user).require("run", operation.workspace_id)


def _done_before(item: BulkItem) -> tuple[bool, int | None] | None:
    """Give what an earlier try of this item did: its mark is in the history that it wrote."""
    marked = Q(actor=item.operation.actor, why__endswith=mark_of(item.operation))
    made = Run.objects.filter(continued_from_id=item.run_id).order_by("number")
    for run in made:
        if RunEvent.objects.filter(marked, run_id=run.pk).exists():
            return True, run.number
    is_done = RunEvent.objects.filter(marked, run_id=item.run_id).exists()
    return (True, None) if is_done else None


def operations_end() -> int:
    """End the operations all of whose items have a result."""
    ended = 0
    for operation in BulkOperation.objects.filter(state="running").select_related("workspace"):
        if operation.items.filter(state__in=["pending", "working"]).exists():
            continue
        with transaction.atomic():
            held = BulkOperation.objects.filter(pk=operation.pk, state="running")
            if held.update(state="done", ended_at=Now()):
                _record_end(operation)
                ended += 1
    return ended


def _record_end(operation: BulkOperation) -> None:
    counts: dict[str, Any] = {
        state: operation.items.filter(state=state).count() for state in ("done", "failed", "left")
    }
    app_event_record(
        workspace=operation.workspace,
        type="runs.bulk_ended",
        object=f"bulk:{operation.number}",
        actor=operation.actor,
        why=operation.reason,
        data={"action": operation.action, "total": operation.total, **counts},
    )
