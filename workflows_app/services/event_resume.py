"""Handing stored events to the steps that wait for them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from workflows_app.core.events import channels_of, type_fits
from workflows_app.core.facts import EventArrived, fact_dump
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.event_match import settings_load, where_holds
from workflows_app.services.incoming import Stored
from workflows_app.services.storage import Write
from workflows_app.services.values import Place, Result, Setting, condition_of, results_load

JSON = Any


class Wait(NamedTuple):
    """An open wait, locked."""

    id: int
    run_id: UUID
    scope_id: UUID
    step_run: UUID
    generation: int
    path: str
    port: str
    type: str
    where: str | None
    channel: str


_TAKE = """
UPDATE workflows_app_eventwait w SET is_open = false, event_id = d.event_id
FROM json_to_recordset(%s::json) AS d(wait bigint, event_id bigint) WHERE w.id = d.wait
"""
_USE = """
INSERT INTO workflows_app_eventuse (event_id, run_id, path)
SELECT d.event_id, d.run_id, d.path
FROM json_to_recordset(%s::json) AS d(event_id bigint, run_id uuid, path text)
ON CONFLICT DO NOTHING
"""


def waits_resume(stored: Sequence[Stored], waits: Sequence[Wait]) -> list[tuple[Stored, Wait]]:
    """Hand each event to the oldest wait of each run that it fits; give who took what.

    Events take in the order of their rows, so that a wait has the oldest that fits it.
    """
    taken = _taken(stored, waits)
    if not taken:
        return []
    used = [
        {
            "wait": wait.id,
            "event_id": event.row,
            "run_id": str(wait.run_id),
            "path": wait.path,
        }
        for event, wait in taken
    ]
    cursor = rows.cursor_open()
    cursor.execute(_TAKE, [json.dumps(used)], prepare=True)
    cursor.execute(_USE, [json.dumps(used)], prepare=True)
    now = rows.database_now()
    facts = [_fact(event, wait) for event, wait in taken]
    Write(now=now, send_at=now, facts=facts).send()
    return taken


def _fact(event: Stored, wait: Wait) -> dict[str, JSON]:
    fact = EventArrived(
        step_run=wait.step_run,
        generation=wait.generation,
        row=event.row,
        event=dict(event.shape),
        port=wait.port,
    )
    return {
        "run_id": str(wait.run_id),
        "scope_id": str(wait.scope_id),
        "fact": json_dump(fact_dump(fact)),
        "is_counted": False,
    }


def _taken(stored: Sequence[Stored], waits: Sequence[Wait]) -> list[tuple[Stored, Wait]]:
    by_channel: dict[str, list[Wait]] = {}
    for wait in waits:
        by_channel.setdefault(wait.channel, []).append(wait)
    known = _Known(waits)
    gone: set[int] = set()
    taken = []
    for event in stored:
        runs: set[UUID] = set()
        for wait in _fitting(event, by_channel):
            if wait.run_id in runs or wait.id in gone or not known.holds(wait, event):
                continue
            runs.add(wait.run_id)
            gone.add(wait.id)
            taken.append((event, wait))
    return taken


def _fitting(event: Stored, by_channel: Mapping[str, Sequence[Wait]]) -> list[Wait]:
    """Give the waits on the event's channels whose type it has, oldest first."""
    found = [
        wait
        for channel in channels_of(event.type, event.subject)
        for wait in by_channel.get(channel, ())
        if type_fits(wait.type, event.type)
    ]
    return sorted(found)


class _Known:
    """What the conditions of the waits may name, loaded once and only where one has any."""

    def __init__(self, waits: Sequence[Wait]) -> None:
        self.settings: Mapping[UUID, Setting] = settings_load(
            {wait.scope_id for wait in waits if wait.where}
        )
        places: list[Place] = [
            place
            for wait in waits
            if wait.where and wait.scope_id in self.settings
            for place in self.settings[wait.scope_id].places(condition_of(wait.where).refs).values()
        ]
        self.results: dict[Place, Result] = results_load(places)

    def holds(self, wait: Wait, event: Stored) -> bool:
        if not wait.where:
            return True
        setting = self.settings.get(wait.scope_id)
        return setting is not None and where_holds(wait.where, setting, self.results, event.shape)
