"""Writing events: any number of one workspace in one statement, each at most once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from workflows_app.core.events import channels_of, event_shape
from workflows_app.models import Event
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.incoming import Sent, Stored

JSON = Any
REPEATS = timedelta(days=30)  # so long a repeat of (source, id) does nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """Who wants to hear of events: as the database has it once they are stored.

    `waits` are rows of open waits on the channels of the events, oldest first; `triggers` and
    `subscriptions` are (id, type) of all that are active.
    """

    waits: Sequence[tuple[Any, ...]]
    triggers: Sequence[tuple[UUID, str]]
    subscriptions: Sequence[tuple[UUID, str]]


_LOCK = """
SELECT count(pg_advisory_xact_lock_shared(h)) FROM (
  SELECT DISTINCT hashtextextended(%s || c, 7243) AS h FROM unnest(%s::text[]) AS c ORDER BY 1) AS d
"""
_STORE = """
INSERT INTO workflows_app_event (workspace_id, source, event_id, type, subject, "time", data,
  extensions, via, actor, chain, received_at)
SELECT %s, d.source, d.id, d.type, d.subject, d."time", d.data, coalesce(d.extensions, '{}'),
  d.via, d.actor, d.chain, clock_timestamp()
FROM json_to_recordset(%s::json) AS d(place int, source text, id text, type text, subject text,
  "time" timestamptz, data text, extensions text, via text, actor text, chain smallint)
ORDER BY d.place
ON CONFLICT (workspace_id, source, event_id) DO NOTHING
RETURNING id, received_at, source, event_id
"""
_WAITS = """
SELECT id, run_id, scope_id, step_run_id, generation, path, port, type, "where", channel
FROM workflows_app_eventwait
WHERE workspace_id = %s AND channel = ANY(%s) AND is_open ORDER BY id FOR NO KEY UPDATE
"""
_TRIGGERS = """
SELECT t.id, t.settings::json ->> 'event' FROM workflows_app_workflow w
JOIN workflows_app_workflowtrigger t ON t.workflow_id = w.id
WHERE w.workspace_id = %s AND w.archived_at IS NULL AND t.is_active AND t.kind = 'event'
ORDER BY t.id
"""
_SUBSCRIPTIONS = """
SELECT id, event FROM workflows_app_webhooksubscription WHERE workspace_id = %s AND is_active
"""


def events_store(workspace_id: UUID, sent: Sequence[Sent]) -> tuple[list[Stored | None], Interest]:
    """Store events in the order given; None stands for a repeat of the last 30 days.

    The channels are locked first, in common with others who store: a wait that opens meanwhile
    either is in the answer, or finds the events itself.
    """
    found: list[str] = []
    for one in sent:
        found += channels_of(one.event.type, one.event.subject)
    channels = list(dict.fromkeys(found))
    connection.ensure_connection()
    lock, store, waits, triggers, outgoing = (rows.cursor_open() for _ in range(5))
    with connection.connection.pipeline():
        lock.execute(_LOCK, [str(workspace_id), channels], prepare=True)
        store.execute(_STORE, [workspace_id, _records(sent)], prepare=True)
        waits.execute(_WAITS, [workspace_id, channels], prepare=True)
        triggers.execute(_TRIGGERS, [workspace_id], prepare=True)
        outgoing.execute(_SUBSCRIPTIONS, [workspace_id], prepare=True)
        new = _by_name(store.fetchall())
        interest = Interest(
            waits=waits.fetchall(),
            triggers=triggers.fetchall(),
            subscriptions=outgoing.fetchall(),
        )
    new |= _once_more(workspace_id, [one for one in sent if _name(one) not in new])
    return [_stored(one, new) for one in sent], interest


_Name = tuple[str, str]
_Row = tuple[int, datetime]


def _name(sent: Sent) -> _Name:
    return sent.event.source, sent.event.id


def _by_name(found: Sequence[tuple[Any, ...]]) -> dict[_Name, _Row]:
    return {(source, name): (row, received_at) for row, received_at, source, name in found}


def _records(sent: Sequence[Sent]) -> str:
    return json.dumps([_record(place, one) for place, one in enumerate(sent)])


def _record(place: int, sent: Sent) -> dict[str, JSON]:
    event = sent.event
    return {
        "place": place,
        "source": event.source,
        "id": event.id,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat() if event.time else None,
        "data": None if event.data is None else json_dump(event.data),
        "extensions": json_dump(dict(event.extensions)) if event.extensions else None,
        "via": sent.via,
        "actor": sent.actor,
        "chain": sent.chain,
    }


def _once_more(workspace_id: UUID, sent: Sequence[Sent]) -> dict[_Name, _Row]:
    """Store those whose (source, id) was there, but so long ago that it is forgotten."""
    if not sent:
        return {}
    names = {_name(one) for one in sent}
    old = Event.objects.filter(workspace=workspace_id, received_at__lt=Now() - REPEATS)
    old = old.filter(source__in={name[0] for name in names}, event_id__in={n[1] for n in names})
    forgotten = [one.pk for one in old if (one.source, one.event_id) in names]
    if not forgotten:
        return {}
    Event.objects.filter(pk__in=forgotten).delete()
    cursor = rows.cursor_open()
    cursor.execute(_STORE, [workspace_id, _records(sent)], prepare=True)
    return _by_name(cursor.fetchall())


def _stored(sent: Sent, new: dict[_Name, _Row]) -> Stored | None:
    """Give the row of an event; of two of the same name in one call, the second is a repeat."""
    row = new.pop(_name(sent), None)
    if row is None:
        return None
    event = sent.event
    shape = event_shape(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        time=event.time or row[1],
        data=event.data,
        extensions=event.extensions,
    )
    return Stored(row=row[0], type=event.type, subject=event.subject, chain=sent.chain, shape=shape)
