"""Taking events in: stored first, then matched with waits and triggers, all in one commit."""

import json
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import OperationalError, connection, transaction
from django.db.models.functions import Now

from workflows_app import notify
from workflows_app.core.events import channels_of, event_shape, type_fits
from workflows_app.core.facts import EventArrived, fact_dump
from workflows_app.models import Event, TriggerFiring, Workspace
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.apply import scopes_settle
from workflows_app.services.deliveries import deliveries_plan
from workflows_app.services.event_match import settings_load, where_holds
from workflows_app.services.event_waits import channels_lock
from workflows_app.services.storage import Write
from workflows_app.services.triggers_fire import Firing, triggers_fire
from workflows_app.services.values import condition_of, results_load

logger = logging.getLogger(__name__)
JSON = Any
_TRIES = 5
REPEATS = timedelta(days=30)  # so long a repeat of (source, id) does nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A CloudEvent to be taken in."""

    id: str
    source: str
    type: str
    subject: str | None = None
    time: datetime | None = None
    data: JSON = None
    extensions: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An event that is in its row."""

    row: int
    type: str
    subject: str | None
    chain: int
    shape: Mapping[str, JSON]


@dataclass(slots=True, kw_only=True)
class Received:
    """What an event did."""

    started: list[UUID] = field(default_factory=list)
    resumed: list[dict[str, JSON]] = field(default_factory=list)  # [{"run", "path"}]
    duplicate: bool = False
    touched: dict[UUID, UUID] = field(default_factory=dict)  # scopes with facts left: run ids

    def as_json(self) -> dict[str, JSON]:
        return {
            "started": [str(run) for run in self.started],
            "resumed": [{"run": str(one["run"]), "path": one["path"]} for one in self.resumed],
            "duplicate": self.duplicate,
        }


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
    for attempt in range(1, _TRIES + 1):
        try:
            with transaction.atomic():
                return _receive(workspace_id, event, actor, via, only_trigger, chain)
        except OperationalError as error:
            is_last = attempt == _TRIES or connection.in_atomic_block
            if is_last or getattr(error.__cause__, "sqlstate", None) not in ("40P01", "55P03"):
                raise
            time.sleep(random.uniform(0.001, 0.02) * attempt)  # noqa: S311
    raise AssertionError("unreachable")


def _receive(
    workspace_id: UUID,
    event: Incoming,
    actor: str,
    via: str,
    only_trigger: UUID | None,
    chain: int,
) -> Received:
    channels_lock(workspace_id, channels_of(event.type, event.subject), is_store=True)
    stored = _store(workspace_id, event, actor, via, chain)
    if stored is None:
        return Received(duplicate=True)
    received = Received()
    _resume(workspace_id, stored, received)
    firing = Firing(
        workspace_id=workspace_id,
        event=stored.shape,
        row=stored.row,
        chain=stored.chain,
        webhook=only_trigger,
    )
    received.started = triggers_fire(firing)
    deliveries_plan(workspace_id=workspace_id, row=stored.row, type=stored.type)
    if received.touched:
        transaction.on_commit(lambda: _settle(received.touched))
    return received


def _settle(touched: dict[UUID, UUID]) -> None:
    """Let the runs go on at once; what fails here the sweeper finds."""
    try:
        notify.runs_ready(scopes_settle(touched))
    except Exception:
        logger.exception("the waits of an event could not be settled at once")


_STORE = """
INSERT INTO workflows_app_event (workspace_id, source, event_id, type, subject, "time", data,
  extensions, via, actor, chain, received_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (workspace_id, source, event_id) DO NOTHING RETURNING id, received_at
"""


def _store(workspace_id: UUID, event: Incoming, actor: str, via: str, chain: int) -> Stored | None:
    data = None if event.data is None else json_dump(event.data)
    named: list[Any] = [workspace_id, event.source, event.id]
    what: list[Any] = [
        event.type,
        event.subject,
        event.time,
        data,
        json_dump(dict(event.extensions)),
    ]
    old = Event.objects.filter(workspace=workspace_id, source=event.source, event_id=event.id)
    old.filter(received_at__lt=Now() - REPEATS).delete()
    with connection.cursor() as cursor:
        cursor.execute(_STORE, [*named, *what, via, actor, chain])
        found = cursor.fetchone()
    if found is None:
        return None
    row, received_at = found
    shape = event_shape(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time or received_at,
        data=event.data,
        extensions=event.extensions,
    )
    return Stored(row=row, type=event.type, subject=event.subject, chain=chain, shape=shape)


_OPEN = """
SELECT id, run_id, scope_id, step_run_id, generation, path, port, type, "where"
FROM workflows_app_eventwait
WHERE workspace_id = %s AND channel = ANY(%s) AND is_open ORDER BY id FOR NO KEY UPDATE
"""
_TAKE = """
UPDATE workflows_app_eventwait SET is_open = false, event_id = %s WHERE id = ANY(%s)
"""
_USE = """
INSERT INTO workflows_app_eventuse (event_id, run_id, path)
SELECT %s, d.run_id, d.path FROM json_to_recordset(%s::json) AS d(run_id uuid, path text)
ON CONFLICT DO NOTHING
"""


class _Wait(NamedTuple):
    id: int
    run_id: UUID
    scope_id: UUID
    step_run: UUID
    generation: int
    path: str
    port: str
    type: str
    where: str | None


def _resume(workspace_id: UUID, event: Stored, received: Received) -> None:
    """Hand the event to the oldest wait of each run that it fits."""
    cursor = rows.cursor_open()
    channels = channels_of(event.type, event.subject)
    cursor.execute(_OPEN, [workspace_id, channels], prepare=True)
    taken = _first_of_each_run([_Wait(*row) for row in cursor.fetchall()], event)
    if not taken:
        return
    used, facts = [], []
    for wait in taken:
        fact = EventArrived(
            step_run=wait.step_run,
            generation=wait.generation,
            row=event.row,
            event=dict(event.shape),
            port=wait.port,
        )
        used.append({"run_id": str(wait.run_id), "path": wait.path})
        facts.append(
            {
                "run_id": str(wait.run_id),
                "scope_id": str(wait.scope_id),
                "fact": json_dump(fact_dump(fact)),
                "is_counted": False,
            }
        )
        received.resumed.append({"run": wait.run_id, "path": wait.path})
        received.touched[wait.scope_id] = wait.run_id
    cursor.execute(_TAKE, [event.row, [wait.id for wait in taken]], prepare=True)
    cursor.execute(_USE, [event.row, json.dumps(used)], prepare=True)
    now = rows.database_now()
    Write(now=now, send_at=now, facts=facts).send()


def _first_of_each_run(waits: list[_Wait], event: Stored) -> list[_Wait]:
    fitting = [wait for wait in waits if type_fits(wait.type, event.type)]
    settings = settings_load({wait.scope_id for wait in fitting if wait.where})
    places = [
        place
        for wait in fitting
        if wait.where and wait.scope_id in settings
        for place in settings[wait.scope_id].places(condition_of(wait.where).refs).values()
    ]
    results = results_load(places)
    taken: dict[UUID, _Wait] = {}
    for wait in fitting:
        if wait.run_id in taken:
            continue
        setting = settings.get(wait.scope_id)
        if wait.where and (
            setting is None or not where_holds(wait.where, setting, results, event.shape)
        ):
            continue
        taken[wait.run_id] = wait
    return list(taken.values())


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
