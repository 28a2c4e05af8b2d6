"""Finding what fits: stored events for a wait, and whether a wait's condition holds."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app.core.events import event_shape, like_of
from workflows_app.core.expressions import ExpressionError
from workflows_app.services import rows
from workflows_app.services.context import contexts_load
from workflows_app.services.values import (
    Place,
    Result,
    Setting,
    condition_of,
    results_load,
    values_build,
)

JSON = Any
_PAGE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody waits for."""

    type: str
    key: str | None
    where: str | None
    since: datetime | None  # None: only what comes from now on


_EVENTS = """
SELECT e.id, e.event_id, e.source, e.type, e.subject, coalesce(e.time, e.received_at), e.data,
  e.extensions
FROM workflows_app_event e
WHERE e.workspace_id = %s AND e.type LIKE %s AND (%s::text IS NULL OR e.subject = %s)
  AND e.received_at >= %s AND e.id > %s
  AND NOT EXISTS (SELECT 1 FROM workflows_app_eventuse u WHERE u.event_id = e.id AND u.run_id = %s)
ORDER BY e.id LIMIT %s
"""


def stored_find(
    wanted: Wanted,
    workspace_id: UUID,
    run_id: UUID,
    setting: Setting,
    known: dict[Place, Result],
) -> tuple[int, JSON] | None:
    """Give the oldest stored event that fits and that the run has not used: (row, event)."""
    if wanted.since is None:
        return None
    refs = where_refs(wanted.where)
    results: dict[Place, Result] | None = None
    for row, event in _events(wanted, workspace_id, run_id):
        if wanted.where is None:
            return row, event
        if results is None:
            results = {**results_load(setting.places(refs).values()), **known}
        if where_holds(wanted.where, setting, results, event):
            return row, event
    return None


def _events(wanted: Wanted, workspace_id: UUID, run_id: UUID) -> Iterator[tuple[int, JSON]]:
    after = 0
    while True:
        given: list[Any] = [
            workspace_id,
            like_of(wanted.type),
            wanted.key,
            wanted.key,
            wanted.since,
        ]
        with connection.cursor() as cursor:
            cursor.execute(_EVENTS, [*given, after, run_id, _PAGE])
            page = cursor.fetchall()
        for row in page:
            yield row[0], event_of_row(row[1:])
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def event_of_row(row: Sequence[Any]) -> dict[str, JSON]:
    """Give an event from (event id, source, type, subject, time, data text, extensions text)."""
    event_id, source, kind, subject, time, data, extensions = row
    return event_shape(
        id=event_id,
        source=source,
        type=kind,
        subject=subject,
        time=time,
        data=None if data is None else json.loads(data),
        extensions=json.loads(extensions),
    )


def where_refs(where: str | None) -> frozenset[str]:
    return condition_of(where).refs if where else frozenset()


def where_holds(
    where: str, setting: Setting, results: dict[Place, Result], event: Mapping[str, JSON]
) -> bool:
    """Tell whether a wait's condition is true of an event; one that errs is not."""
    condition = condition_of(where)
    try:
        values = values_build(setting, condition.refs, results, event=event)
        return condition.evaluate(values) is True
    except ExpressionError:
        return False


_SETTINGS = """
SELECT id, run_id, ancestors, body, override, "values" FROM workflows_app_scope WHERE id = ANY(%s)
"""


def settings_load(scope_ids: Collection[UUID]) -> dict[UUID, Setting]:
    """Give where the steps of these scopes stand, in two queries."""
    if not scope_ids:
        return {}
    cursor = rows.cursor_open()
    found = cursor.execute(_SETTINGS, [list(scope_ids)], prepare=True).fetchall()
    contexts = contexts_load({row[1] for row in found})
    settings = {}
    for scope_id, run_id, ancestors, body, override, values in found:
        context = contexts[run_id]
        settings[scope_id] = Setting(
            context=context,
            scope_id=scope_id,
            ancestors=tuple(ancestors or ()),
            body=body,
            graph=context.graph(body, None if override is None else json.loads(override)),
            values=json.loads(values),
        )
    return settings
