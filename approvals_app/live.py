"""Which requests changed, and whom that concerns: read by the relay for the topic `inbox`.

Its own few statements on its own connection: what tells the browsers never waits for one of the
pool that their questions take.
"""

from collections import OrderedDict
from collections.abc import Collection
from typing import Any
from uuid import UUID

import psycopg

from workflows_app.live.inbox import InboxChange, InboxNews

RUNS_KNOWN = 5_000  # runs of which it is remembered what was told of them
EVENTS_MOST = 500  # history events about requests that are read at once
_EVENTS = """
SELECT e.run_id, e.sequence, (e.data::json ->> 'approval')::uuid
FROM unnest(%(ids)s::uuid[], %(after)s::int[]) AS wanted(run_id, after)
JOIN workflows_app_runevent e ON e.run_id = wanted.run_id AND e.sequence > wanted.after
WHERE e.type LIKE 'approval.%%'
  AND (wanted.after > 0 OR e.at > clock_timestamp() - interval '10 seconds')
ORDER BY e.at DESC, e.sequence DESC LIMIT %(limit)s
"""
_REQUESTS = """
SELECT r.id, r.workspace_id, 'APR-' || r.number, r.state,
  (extract(epoch FROM coalesce(r.closed_at, clock_timestamp()) - r.requested_at) * 1000)::bigint,
  r.assignees || ARRAY(SELECT d."to" FROM approvals_app_delegation d WHERE d.request_id = r.id),
  ARRAY(SELECT d.seat_id FROM approvals_app_delegation d WHERE d.request_id = r.id)
    || ARRAY(SELECT v.person_id FROM approvals_app_vote v WHERE v.request_id = r.id)
    || r.decided_by_id || CASE WHEN r.state <> 'pending' OR r.mode = 'rehearsal' THEN r.starter END,
  CASE WHEN r.state = 'pending' AND r.mode <> 'rehearsal' THEN r.requesters ELSE '{}' END
FROM approvals_app_approvalrequest r WHERE r.id = ANY(%(ids)s)
"""
_PEOPLE = """
WITH member AS (
  SELECT m.id, m.workspace_id, m.user_id, m.roles, u.username
  FROM workflows_app_member m JOIN workflows_app_user u ON u.id = m.user_id
  WHERE m.is_active AND u.is_active AND m.workspace_id = ANY(%(spaces)s)
)
SELECT workspace_id, 'user:' || username, user_id FROM member
WHERE 'user:' || username = ANY(%(names)s)
UNION ALL
SELECT m.workspace_id, 'role:' || role, m.user_id FROM member m, unnest(m.roles) AS role
WHERE 'role:' || role = ANY(%(names)s)
UNION ALL
SELECT m.workspace_id, 'group:' || g.name, m.user_id FROM workflows_app_group g
JOIN workflows_app_group_members gm ON gm.group_id = g.id JOIN member m ON m.id = gm.member_id
WHERE 'group:' || g.name = ANY(%(names)s)
"""
_COVERS = """
SELECT workspace_id, seat_id, delegate_id FROM approvals_app_cover
WHERE workspace_id = ANY(%(spaces)s) AND ended_at IS NULL
  AND starts_at <= clock_timestamp() AND ends_at > clock_timestamp()
"""


class RequestReader:
    """Reads the history of each run on from where it was read before."""

    def __init__(self) -> None:
        self._told: OrderedDict[UUID, int] = OrderedDict()

    async def __call__(
        self, connection: psycopg.AsyncConnection[Any], run_ids: Collection[UUID]
    ) -> InboxNews:
        """Give what happened to the requests of these runs since the last look."""
        known = {run_id: self._told.get(run_id, 0) for run_id in run_ids}
        given = {"ids": list(known), "after": list(known.values()), "limit": EVENTS_MOST}
        events = await _rows(connection, _EVENTS, given)
        for run_id, sequence, _ in events:
            self._told[run_id] = max(sequence, self._told.get(run_id, 0))
            self._told.move_to_end(run_id)
        while len(self._told) > RUNS_KNOWN:
            self._told.popitem(last=False)
        changed = {request_id for _, _, request_id in events if request_id is not None}
        changes = await _changes(connection, changed) if changed else []
        return InboxNews(changes, is_cut=len(events) == EVENTS_MOST)


async def _changes(
    connection: psycopg.AsyncConnection[Any], ids: Collection[UUID]
) -> list[InboxChange]:
    requests = await _rows(connection, _REQUESTS, {"ids": list(ids)})
    spaces = list({row[1] for row in requests})
    names = list({name for row in requests for name in row[5]})
    people: dict[tuple[UUID, str], set[int]] = {}
    for space, name, person in await _rows(connection, _PEOPLE, {"spaces": spaces, "names": names}):
        people.setdefault((space, name), set()).add(person)
    covers = await _rows(connection, _COVERS, {"spaces": spaces})
    found = []
    for _, space, reference, state, milliseconds, asked, others, barred in requests:
        concerned = {person for name in asked for person in people.get((space, name), ())}
        concerned |= {
            stand_in for where, seat, stand_in in covers if where == space and seat in concerned
        }
        concerned = (concerned - set(barred)) | {one for one in others if one is not None}
        found.append(InboxChange(frozenset(concerned), (reference, state, milliseconds)))
    return found


async def _rows(
    connection: psycopg.AsyncConnection[Any], statement: str, given: dict[str, Any]
) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement, given, prepare=True)
    return await cursor.fetchall()
