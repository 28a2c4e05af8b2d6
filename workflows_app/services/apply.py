"""The engine's one transaction: lock scopes, apply facts, write everything that follows.

Locks go from the inside out: scopes by id, their step runs, requests, and the run rows last.
Any number of scopes and runs share the transaction, so that what arrives together shares a
commit; a batch of one is the ordinary case.
"""

import random
import time
from collections.abc import Sequence
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from workflows_app import notify
from workflows_app.core.facts import BodyEnded
from workflows_app.services.batch import Applied, ScopeFact
from workflows_app.services.held import held
from workflows_app.services.held_keep import runs_keep
from workflows_app.services.pace import Pace
from workflows_app.services.rows import RowsChanged
from workflows_app.services.storage import ROW_CHANGED
from workflows_app.services.transaction import RESEND_AFTER, Transaction

_TRIES = 8


def facts_apply(
    facts: Sequence[ScopeFact],
    *,
    worker: str | None = None,
    claim_limit: int = 0,
    skip_locked: bool = False,
    pace: Pace | None = None,
) -> Applied:
    """Apply facts, and whatever waits in the inboxes of their scopes, in one transaction.

    With a `pace`, steps of which it knows that they end at once are carried out within it. With
    a `worker`, up to `claim_limit` of the steps that become ready are claimed for it in
    the same commit. Facts that no longer fit change nothing.

    Raises:
        OperationalError: the database stayed unreachable, or a lock stayed held.
    """
    run_ids = {fact.run_id for fact in facts}
    is_careful = held.is_contended(run_ids)
    for attempt in range(1, _TRIES + 1):
        try:
            # The engine's own cursors are psycopg's: what they raise is made Django's here.
            with connection.wrap_database_errors, transaction.atomic():
                work = Transaction(
                    facts,
                    worker,
                    claim_limit,
                    skip_locked=skip_locked,
                    is_careful=is_careful,
                    pace=pace,
                )
                applied = work.run()
        except (RowsChanged, DatabaseError) as error:
            if attempt == _TRIES or not _may_repeat(error):
                raise
            if _is_changed(error):
                held.contended(run_ids)
                is_careful = True
            time.sleep(random.uniform(0.001, 0.01) * attempt)  # noqa: S311
        else:
            runs_keep(work)
            notify.runs_changed(applied.changed_runs)
            return applied
    raise AssertionError("unreachable")


def _may_repeat(error: Exception) -> bool:
    """Deadlocks, lock time-outs, serialisation failures, moved rows: another try may do."""
    return _is_changed(error) or _state(error) in ("40P01", "40001", "55P03")


def _is_changed(error: Exception) -> bool:
    return isinstance(error, RowsChanged) or _state(error) == ROW_CHANGED


def _state(error: Exception) -> str | None:
    return getattr(error.__cause__, "sqlstate", None)


def scopes_settle(scopes: dict[UUID, UUID], *, worker: str | None = None) -> set[UUID]:
    """Handle the inboxes of these scopes (ids with their run ids), and those they lead to.

    Gives the runs in which a step became ready.
    """
    ready: set[UUID] = set()
    pending = dict(scopes)
    while pending:
        facts = [
            ScopeFact(scope_id=scope_id, run_id=run_id, fact=None)
            for scope_id, run_id in pending.items()
        ]
        applied = facts_apply(facts, worker=worker)
        ready |= applied.ready_runs
        pending = applied.touched
    return ready


__all__ = ["RESEND_AFTER", "BodyEnded", "facts_apply", "scopes_settle"]
