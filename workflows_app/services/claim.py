"""Claims and leases: who may carry a step out, and until when.

A claim is one compare-and-set on the step run's row. It takes no scope lock: a scope that
cancels the step meanwhile finds another state there and starts its transaction over.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction

from workflows_app.services import rows
from workflows_app.services.batch import Claim
from workflows_app.services.context import contexts_load
from workflows_app.services.values import Setting

JSON = Any

_CLAIM = """
WITH picked AS (
  SELECT s.id FROM workflows_app_steprun s
  WHERE s.state = 'ready' AND NOT s.is_held AND s.is_current {only}
    AND EXISTS (SELECT 1 FROM workflows_app_run r WHERE r.id = s.run_id AND r.state IN
      ('queued', 'running', 'waiting', 'cancelling', 'compensating'))
  ORDER BY s.ready_at LIMIT %(limit)s FOR UPDATE OF s SKIP LOCKED
), tokens AS (
  SELECT id, (%(tokens)s::uuid[])[row_number() OVER ()] AS token FROM picked
), claimed AS (
  UPDATE workflows_app_steprun s SET state = 'running', attempt = s.attempt + 1,
    token = t.token, lease_owner = %(worker)s, started_at = clock_timestamp(),
    lease_expires_at = clock_timestamp() + make_interval(secs => %(lease)s),
    send_at = NULL, sends = 0, is_announced = false
  FROM tokens t WHERE s.id = t.id AND s.state = 'ready'
  RETURNING s.id, s.scope_id, s.run_id, s.step, s.path, s.generation, s.attempt, s.token,
    s.approved_digest, s.input, s.feedback, s.progress
)
SELECT c.*, p.ancestors, p.body, p."values", p.override
FROM claimed c JOIN workflows_app_scope p ON p.id = c.scope_id
"""


def steps_claim(*, worker: str, limit: int, run_ids: Sequence[UUID] | None = None) -> list[Claim]:
    """Lease up to `limit` ready steps, oldest first, of these runs or of any."""
    if limit <= 0:
        return []
    only = "AND s.run_id = ANY(%(runs)s::uuid[])" if run_ids is not None else ""
    parameters = {
        "limit": limit,
        "tokens": [uuid4() for _ in range(limit)],
        "worker": worker,
        "lease": settings.LEASE_SECONDS,
        "runs": list(run_ids or ()),
    }
    cursor = rows.cursor_open()
    cursor.execute(_CLAIM.format(only=only), parameters, prepare=True)
    found = cursor.fetchall()
    contexts = contexts_load({row[2] for row in found})
    return [_claim(row, contexts) for row in found]


def _claim(row: Sequence[Any], contexts: dict[UUID, Any]) -> Claim:
    context = contexts[row[2]]
    override = None if row[15] is None else json.loads(row[15])
    graph = context.graph(row[13], override)
    return Claim(
        id=row[0],
        scope_id=row[1],
        run_id=row[2],
        context=context,
        setting=Setting(
            context=context,
            scope_id=row[1],
            ancestors=tuple(row[12] or ()),
            body=row[13],
            graph=graph,
            values=json.loads(row[14]),
        ),
        node=graph.nodes[row[3]],
        path=row[4],
        generation=row[5],
        attempt=row[6],
        token=row[7],
        approved_digest=row[8],
        input=None if row[9] is None else json.loads(row[9]),
        feedback=None if row[10] is None else json.loads(row[10]),
        progress=None if row[11] is None else json.loads(row[11]),
    )


def leases_renew(*, claims: dict[UUID, UUID]) -> set[UUID]:
    """Extend the leases of these step runs (ids with tokens); give those that were lost.

    A step whose cancel was asked is lost too, unless its effect must be let finish.
    """
    if not claims:
        return set()
    cursor = rows.cursor_open()
    cursor.execute(
        "UPDATE workflows_app_steprun s SET"
        " lease_expires_at = clock_timestamp() + make_interval(secs => %s)"
        " FROM unnest(%s::uuid[], %s::uuid[]) AS d(id, token)"
        " WHERE s.id = d.id AND s.token = d.token AND s.state = 'running' RETURNING s.id",
        [settings.LEASE_SECONDS, list(claims), list(claims.values())],
        prepare=True,
    )
    kept = {row[0] for row in cursor.fetchall()}
    return set(claims) - kept


def claims_lost(*, claims: dict[UUID, UUID]) -> set[UUID]:
    """Give those of these step runs (ids with tokens) whose claim is over.

    A step with an effect whose cancel was asked is not among them: it is let finish.
    """
    if not claims:
        return set()
    cursor = rows.cursor_open()
    cursor.execute(
        "SELECT s.id FROM workflows_app_steprun s"
        " JOIN unnest(%s::uuid[], %s::uuid[]) AS d(id, token) ON s.id = d.id"
        " WHERE s.token = d.token AND s.state = 'running'",
        [list(claims), list(claims.values())],
        prepare=True,
    )
    return set(claims) - {row[0] for row in cursor.fetchall()}


def proposal_fix(*, claim: Claim, input: JSON, effect: str, is_idempotent: bool) -> bool:
    """Store what a step with an effect is about to send, before it is sent.

    False when the claim is no longer ours: then nothing may be sent.
    """
    cursor = rows.cursor_open()
    cursor.execute(
        "UPDATE workflows_app_steprun SET input = %s, effect = %s, is_idempotent = %s"
        " WHERE id = %s AND token = %s AND state = 'running' AND NOT is_cancelling",
        [rows.text(input), effect, is_idempotent, claim.id, claim.token],
        prepare=True,
    )
    return cursor.rowcount == 1


_UNANNOUNCED = """
UPDATE workflows_app_steprun s SET is_announced = true
FROM unnest(%s::uuid[], %s::uuid[]) AS d(id, token)
WHERE s.id = d.id AND s.token = d.token AND s.state = 'running' AND NOT s.is_announced
RETURNING s.run_id, s.path, s.generation, s.attempt, s.started_at
"""


def starts_announce(*, worker: str, claims: dict[UUID, UUID]) -> set[UUID]:
    """Write `step.started` for steps that have been going on for a while; give their runs."""
    from workflows_app.services.history import events_append  # noqa: PLC0415

    if not claims:
        return set()
    with transaction.atomic():
        cursor = rows.cursor_open()
        cursor.execute(_UNANNOUNCED, [list(claims), list(claims.values())], prepare=True)
        by_run: dict[UUID, list[dict[str, Any]]] = {}
        for run_id, path, generation, attempt, started_at in cursor.fetchall():
            by_run.setdefault(run_id, []).append(
                {
                    "type": "step.started",
                    "path": path,
                    "generation": generation,
                    "from_state": "ready",
                    "to_state": "running",
                    "trigger": "claim",
                    "actor": worker,
                    "data": {"attempt": attempt},
                    "at": started_at,
                }
            )
        events_append(by_run)
    return set(by_run)
