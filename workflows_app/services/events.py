"""Taking events in: stored first, then matched with waits and triggers, all in one commit."""

import logging
import random
import time
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction

from workflows_app import notify
from workflows_app.models import TriggerFiring, Workspace
from workflows_app.services.apply import scopes_settle
from workflows_app.services.deliveries import deliveries_plan
from workflows_app.services.event_resume import Wait, waits_resume
from workflows_app.services.event_store import events_store
from workflows_app.services.incoming import Incoming, Received, Sent
from workflows_app.services.triggers_fire import triggers_fire

logger = logging.getLogger(__name__)
JSON = Any
AT_ONCE = 100  # events of one transaction, so that it holds few locks and nobody waits long
_TRIES = 5
Scopes = dict[UUID, UUID]  # ids with their run ids


def event_receive(
    *,
    workspace: Workspace | UUID,
    event: Incoming,
    actor: str,
    via: str,
    only_trigger: UUID | None = None,
    chain: int = 0,
) -> Received:
    """Store an event and match it; one whose (source, id) came within 30 days does nothing.

    Args:
        only_trigger: the webhook trigger that it came in by.
        chain: how many runs led to it, each started by an event.
    """
    workspace_id = workspace.pk if isinstance(workspace, Workspace) else workspace
    sent = Sent(event=event, actor=actor, via=via, chain=chain)
    received, touched = events_take(workspace_id, [sent], webhook=only_trigger)
    events_settle(touched)
    return received[0]


def events_receive(*, workspace_id: UUID, sent: Sequence[Sent]) -> list[Received]:
    """Store and match events in their order, each as `event_receive` does with one."""
    answers: list[Received] = []
    for some in _some(sent):
        received, touched = events_take(workspace_id, some)
        events_settle(touched)
        answers += received
    return answers


def _some(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    for first in range(0, len(sent), AT_ONCE):
        yield sent[first : first + AT_ONCE]


def events_take(
    workspace_id: UUID, sent: Sequence[Sent], *, webhook: UUID | None = None
) -> tuple[list[Received], Scopes]:
    """Store and match events in one transaction; the scopes given are to be settled after it.

    Raises:
        OperationalError: the database stayed unreachable, or a lock stayed held.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with connection.wrap_database_errors, transaction.atomic():
                return _take(workspace_id, sent, webhook)
        except OperationalError as error:
            is_last = attempt == _TRIES or connection.in_atomic_block
            if is_last or getattr(error.__cause__, "sqlstate", None) not in ("40P01", "55P03"):
                raise
            time.sleep(random.uniform(0.001, 0.02) * attempt)  # noqa: S311
    raise AssertionError("unreachable")


def _take(
    workspace_id: UUID, sent: Sequence[Sent], webhook: UUID | None
) -> tuple[list[Received], Scopes]:
    stored, interest = events_store(workspace_id, sent)
    new = [one for one in stored if one is not None]
    if not new:
        return [Received(duplicate=True) for _ in stored], {}
    by_row = {one.row: Received() for one in new}
    touched: Scopes = {}
    for event, wait in waits_resume(new, [Wait(*row) for row in interest.waits]):
        by_row[event.row].resumed.append({"run": wait.run_id, "path": wait.path})
        touched[wait.scope_id] = wait.run_id
    for row, runs in triggers_fire(new, interest.triggers, webhook).items():
        by_row[row].started += runs
    deliveries_plan(new, interest.subscriptions)
    return [Received(duplicate=True) if one is None else by_row[one.row] for one in stored], touched


def events_settle(touched: Scopes) -> None:
    """Let runs that took an event go on, once that is committed.

    What fails here the sweeper finds.
    """
    if touched:
        transaction.on_commit(lambda: _settle(touched))


def _settle(touched: Scopes) -> None:
    try:
        notify.runs_ready(scopes_settle(touched))
    except Exception:
        logger.exception("the waits of an event could not be settled at once")


def event_publish(
    *, run_id: UUID, workspace_id: UUID, key: str, type: str, subject: str | None, data: JSON
) -> None:
    """Store what a step publishes; its key is the event's id, so a repeat does nothing."""
    firing = TriggerFiring.objects.filter(run_id=run_id, event__isnull=False)
    before = firing.values_list("event__chain", flat=True).first()
    event_receive(
        workspace=workspace_id,
        event=Incoming(id=key, source=f"/runs/{run_id}", type=type, subject=subject, data=data),
        actor=f"run:{run_id}",
        via=f"run:{run_id}",
        chain=0 if before is None else before + 1,
    )


__all__ = ["Incoming", "Received", "Sent", "event_publish", "event_receive"]
