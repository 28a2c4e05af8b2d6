"""Leaving a fact for a scope that somebody else may hold."""

from typing import Any
from uuid import UUID

from workflows_app.core.facts import fact_load
from workflows_app.models import InboxFact

JSON = Any


def inbox_post(*, run_id: UUID, scope_id: UUID, fact: dict[str, JSON]) -> None:
    """Leave a fact in a scope's inbox, in the caller's transaction.

    Nudge a worker with `notify.scope_touched` afterwards; the sweeper finds it otherwise.

    Raises:
        KeyError, TypeError: the fact is none that the engine knows.
    """
    fact_load(fact)
    InboxFact.objects.create(run_id=run_id, scope_id=scope_id, fact=fact)
