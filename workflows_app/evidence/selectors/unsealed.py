"""Find the records that no seal names yet, and load them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app.evidence.core.records import Fields

# A record of no workspace (a sign-in before any) belongs to the default one.
FIND = {
    "run": """
        SELECT e.id, r.workspace_id, e.at
        FROM workflows_app_runevent e
        JOIN workflows_app_run r ON r.id = e.run_id
        WHERE e.transaction >= %(low)s AND (%(ceiling)s::bigint IS NULL
              OR e.transaction < %(ceiling)s::bigint)
          AND NOT EXISTS (SELECT 1 FROM evidence_seal s WHERE s.run_event_id = e.id)
        ORDER BY e.id LIMIT %(limit)s""",
    "app": """
        SELECT e.id, coalesce(e.workspace_id, d.id), e.at
        FROM workflows_app_appevent e
        LEFT JOIN workflows_app_workspace d ON d.is_default AND e.workspace_id IS NULL
        WHERE e.transaction >= %(low)s AND (%(ceiling)s::bigint IS NULL
              OR e.transaction < %(ceiling)s::bigint)
          AND NOT EXISTS (SELECT 1 FROM evidence_seal s WHERE s.app_event_id = e.id)
        ORDER BY e.id LIMIT %(limit)s""",
}
FIRST = """
    SELECT min(transaction) FROM (
        (SELECT e.transaction FROM workflows_app_runevent e
         WHERE e.transaction >= %(low)s AND e.transaction < %(ceiling)s
           AND NOT EXISTS (SELECT 1 FROM evidence_seal s WHERE s.run_event_id = e.id)
         ORDER BY e.transaction LIMIT 1)
        UNION ALL
        (SELECT e.transaction FROM workflows_app_appevent e
         WHERE e.transaction >= %(low)s AND e.transaction < %(ceiling)s
           AND NOT EXISTS (SELECT 1 FROM evidence_seal s WHERE s.app_event_id = e.id)
         ORDER BY e.transaction LIMIT 1)) AS firsts
"""
LOAD = {
    "run": """
        SELECT id, at, type, 'run:' || run_id, actor, why, data, run_id, sequence, path,
               generation, from_state, to_state, trigger
        FROM workflows_app_runevent WHERE id = ANY(%s)""",
    "app": """
        SELECT id, at, type, object, actor, why, data, workspace_id
        FROM workflows_app_appevent WHERE id = ANY(%s)""",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """A record that waits for its seal; without a workspace it has to go on waiting."""

    source: str
    id: int
    workspace: UUID | None
    at: datetime


def unsealed_find(*, low: int, ceiling: int | None, limit: int) -> list[Unsealed]:
    """Give unsealed records of transactions from `low` to before `ceiling`, oldest first.

    Each of the two tables keeps its own order of ids; between them the time decides.
    """
    found = [_find(source, low, ceiling, limit) for source in FIND]
    return list(merge(*found, key=lambda one: one.at))[:limit]


def first_unsealed_transaction(*, low: int, ceiling: int) -> int | None:
    """Give the oldest transaction that still has an unsealed record."""
    with connection.cursor() as cursor:
        cursor.execute(FIRST, {"low": low, "ceiling": ceiling})
        return cursor.fetchone()[0]


def unsealed_load(records: Iterable[Unsealed]) -> list[tuple[UUID | None, Fields]]:
    """Give (workspace, fields) of each record, in the given order."""
    records = list(records)
    stored = {
        source: _load(source, [one.id for one in records if one.source == source])
        for source in LOAD
    }
    return [(one.workspace, stored[one.source][one.id]) for one in records]


def fields_load(source: str, ids: list[int]) -> dict[int, Fields]:
    """Give the stored records with these ids; one that is gone is missing."""
    return _load(source, ids)


def _find(source: str, low: int, ceiling: int | None, limit: int) -> list[Unsealed]:
    with connection.cursor() as cursor:
        cursor.execute(FIND[source], {"low": low, "ceiling": ceiling, "limit": limit})
        return [
            Unsealed(source=source, id=pk, workspace=workspace, at=at)
            for pk, workspace, at in cursor.fetchall()
        ]


def _load(source: str, ids: list[int]) -> dict[int, Fields]:
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(LOAD[source], [ids])
        return {row[0]: _fields(source, row) for row in cursor.fetchall()}


def _fields(source: str, row: tuple[Any, ...]) -> Fields:
    pk, at, type_, object_, actor, why, data, *rest = row
    common = {"source": source, "id": pk, "at": at, "type": type_, "object": object_}
    common |= {"actor": actor, "why": why, "data": data}
    if source == "app":
        return Fields(**common, owner=rest[0])
    names = ("run", "sequence", "path", "generation", "from_state", "to_state", "trigger")
    return Fields(**common, **dict(zip(names, rest, strict=True)))
