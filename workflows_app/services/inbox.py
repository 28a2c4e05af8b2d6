"""Leaving a fact for a scope that somebody else may hold."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from workflows_app.core.facts import fact_load
from workflows_app.models import InboxFact
from workflows_app.services.rows import cursor_open

JSON = Any


def inbox_post(*, run_id: UUID, scope_id: UUID, fact: dict[str, JSON]) -> None:
    """Leave a fact in a scope's inbox, in the caller's transaction.

    Nudge a worker with `notify.scope_touched` afterwards; the sweeper finds it otherwise.

    Raises:
        KeyError, TypeError: the fact is none that the engine knows.
    """
    fact_load(fact)
    InboxFact.objects.create(run_id=run_id, scope_id=scope_id, fact=fact)


def inbox_scopes(run_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """Give the scopes of these runs that have facts waiting, with their runs."""
    cursor = cursor_open()
    cursor.execute(
        "SELECT DISTINCT scope_id, run_id FROM workflows_app_inboxfact WHERE run_id = ANY(%s)",
        [list(run_ids)],
        prepare=True,
    )
    return dict(cursor.fetchall())
