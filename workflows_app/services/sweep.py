"""What every scheduler does each second, by rows: nothing here needs a leader.

Messages get lost and processes die; whatever they would have done is found here again. Rows
are taken with SKIP LOCKED in small transactions, so any number of schedulers share the work.
"""

import json
import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from workflows_app import notify
from workflows_app.core.facts import ScopeCancelled, StepLost, fact_load
from workflows_app.services import rows
from workflows_app.services.apply import facts_apply, scopes_settle
from workflows_app.services.batch import ScopeFact
from workflows_app.services.ending import OUT_OF_TIME
from workflows_app.services.holds import LOOK_AGAIN

logger = logging.getLogger(__name__)
JSON = Any
EVERY = 1.0  # seconds
BATCH = 500
_SWEEPS: dict[str, Callable[[datetime], int]] = {}


def register_sweep(name: str, function: Callable[[datetime], int]) -> None:
    """Have `function(now)` called each second by every scheduler; it gives how much it did.

    It must take rows with SKIP LOCKED, in small transactions.
    """
    _SWEEPS[name] = function


def sweep_once() -> dict[str, int]:
    """Do everything that is due, once; one sweep that fails does not stop the others."""
    counts = {}
    for name, function in [*_ENGINE.items(), *_SWEEPS.items()]:
        try:
            counts[name] = function(datetime.now(UTC))
        except Exception:
            logger.exception("the sweep %s failed", name)
        finally:
            connection.close()
    return counts


def sweep_forever(stop: threading.Event) -> None:
    """Sweep each second until `stop` is set."""
    while not stop.is_set():
        begun = time.monotonic()
        sweep_once()
        stop.wait(max(EVERY - (time.monotonic() - begun), 0.05))


def _apply_one_by_one(facts: list[ScopeFact]) -> int:
    """Apply facts together; if that fails, each by itself, so that one cannot block the rest."""
    if not facts:
        return 0
    try:
        applied = facts_apply(facts, skip_locked=True)
        ready = applied.ready_runs | scopes_settle(applied.touched)
    except Exception:
        logger.exception("a batch of %s facts failed", len(facts))
        ready = set()
        for fact in facts:
            try:
                applied = facts_apply([fact])
                ready |= applied.ready_runs | scopes_settle(applied.touched)
            except Exception:
                logger.exception("a fact for scope %s failed", fact.scope_id)
    notify.runs_ready(ready)
    return len(facts)


# Who waits for a name that another step holds, or for the review of a step that it rests on, is
# woken by that; its timer is for a waking that was lost. While nothing has changed it looks again
# later, and its history says nothing of it.
_IN_VAIN = """
UPDATE workflows_app_timer t SET due_at = %(now)s + make_interval(secs => %(later)s)
FROM (
  SELECT id, step_run_id FROM workflows_app_timer WHERE due_at <= %(now)s
  ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
) AS due JOIN workflows_app_steprun s ON s.id = due.step_run_id
WHERE t.id = due.id AND t.name = 'wait' AND s.state = 'waiting' AND s.is_current AND (
  (s.reason = 'exclusive' AND EXISTS (
    SELECT 1 FROM workflows_app_exclusivehold h
    WHERE h.run_id = s.run_id AND h.name = s.waiting::jsonb ->> 'name' AND h.step_run_id <> s.id))
  OR (s.reason = 'review' AND s.waiting::jsonb ? 'on' AND NOT EXISTS (
    SELECT 1 FROM jsonb_array_elements_text(s.waiting::jsonb -> 'on') AS rested (id)
    LEFT JOIN workflows_app_steprun p ON p.id = rested.id::uuid AND p.is_current
    WHERE p.id IS NULL OR NOT (
      (p.state = 'waiting' AND p.reason = 'review' AND p.port IS NOT NULL)
      OR (p.state = 'compensating' AND p.progress::jsonb @> '{"revert": {"went_on": true}}')))))
"""
_DUE = """
SELECT t.id, t.scope_id, t.run_id, t.fact FROM workflows_app_timer t
WHERE t.due_at <= %(now)s ORDER BY t.due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
"""


def timers_fire(now: datetime | None = None) -> int:
    """Hand the facts of due timers to their scopes."""
    # Locked only to divide the timers among schedulers; the fact itself is harmless twice.
    with transaction.atomic():
        cursor = rows.cursor_open()
        # One moment for both: what falls due between them would be told in vain.
        cursor.execute("SELECT clock_timestamp()", prepare=True)
        (moment,) = cursor.fetchone() or (None,)
        given = {"now": moment, "later": LOOK_AGAIN, "most": BATCH}
        _put_off(given)
        cursor.execute(_DUE, given, prepare=True)
        found = cursor.fetchall()
    facts = [
        ScopeFact(scope_id=scope_id, run_id=run_id, fact=fact_load(json.loads(fact)), timer=timer)
        for timer, scope_id, run_id, fact in found
    ]
    return _apply_one_by_one(facts)


def _put_off(given: dict[str, Any]) -> None:
    """Let what waits in vain look again later.

    The database cannot look into JSON that holds U+0000, which outputs may: then all look now.
    """
    try:
        with transaction.atomic():
            rows.cursor_open().execute(_IN_VAIN, given, prepare=True)
    except psycopg.DataError as error:
        logger.warning("waits that nothing has changed for could not be put off: %s", error)


_EXPIRED = """
SELECT id, scope_id, run_id, token, is_idempotent FROM workflows_app_steprun
WHERE lease_expires_at < clock_timestamp() ORDER BY lease_expires_at LIMIT %s
"""


def leases_expire(now: datetime) -> int:
    """Tell scopes of claims whose worker has not been heard of."""
    cursor = rows.cursor_open()
    cursor.execute(_EXPIRED, [BATCH], prepare=True)
    facts = [
        ScopeFact(
            scope_id=scope_id,
            run_id=run_id,
            fact=StepLost(
                step_run=step_run,
                token=token,
                is_idempotent=is_idempotent,
                fraction=random.random(),  # noqa: S311
            ),
        )
        for step_run, scope_id, run_id, token, is_idempotent in cursor.fetchall()
    ]
    return _apply_one_by_one(facts)


def inboxes_settle(now: datetime) -> int:
    """Handle facts that nobody came for."""
    cursor = rows.cursor_open()
    cursor.execute(
        "SELECT DISTINCT scope_id, run_id FROM workflows_app_inboxfact"
        " WHERE created_at < clock_timestamp() - interval '500 milliseconds' LIMIT %s",
        [BATCH],
        prepare=True,
    )
    found = dict(cursor.fetchall())
    facts = [ScopeFact(scope_id=s, run_id=r, fact=None) for s, r in found.items()]
    return _apply_one_by_one(facts)


_RESEND = """
UPDATE workflows_app_steprun s SET sends = s.sends + 1,
  send_at = clock_timestamp() + make_interval(secs => 5 * power(2, least(s.sends + 1, 6)))
WHERE s.id IN (
  SELECT p.id FROM workflows_app_steprun p
  JOIN workflows_app_run r ON r.id = p.run_id
    AND r.state IN ('queued', 'running', 'waiting', 'cancelling', 'compensating')
  WHERE p.state = 'ready' AND NOT p.is_held AND p.send_at < clock_timestamp()
  ORDER BY p.ready_at LIMIT %s FOR UPDATE OF p SKIP LOCKED)
RETURNING s.run_id
"""


def ready_resend(now: datetime) -> int:
    """Wake workers again for steps that stayed ready: after 5 s, then doubling."""
    with transaction.atomic():
        cursor = rows.cursor_open()
        cursor.execute(_RESEND, [BATCH], prepare=True)
        run_ids = {row[0] for row in cursor.fetchall()}
    if run_ids:
        notify.runs_ready(run_ids)
    return len(run_ids)


_LATE = """
SELECT r.id, s.id FROM workflows_app_run r
JOIN workflows_app_scope s ON s.run_id = r.id AND s.kind = 'root' AND s.state = 'open'
WHERE r.finished_at IS NULL AND r.deadline_at < clock_timestamp()
  AND r.state IN ('queued', 'running', 'waiting') LIMIT %s
"""


def runs_time_out(now: datetime) -> int:
    """End runs that used up their time: through their scopes, like a failure."""
    cursor = rows.cursor_open()
    cursor.execute(_LATE, [BATCH], prepare=True)
    error = {"code": OUT_OF_TIME, "message": "the run used up its time", "path": ""}
    facts = [
        ScopeFact(
            scope_id=scope_id,
            run_id=run_id,
            fact=ScopeCancelled(why="the run used up its time", error=error),
        )
        for run_id, scope_id in cursor.fetchall()
    ]
    return _apply_one_by_one(facts)


_ENGINE: dict[str, Callable[[datetime], int]] = {
    "timers": timers_fire,
    "leases": leases_expire,
    "inboxes": inboxes_settle,
    "ready": ready_resend,
    "deadlines": runs_time_out,
}
