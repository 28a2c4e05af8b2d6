"""Claims and leases: who may carry a step out, and until when.

A claim is one compare-and-set on the step run's row. It takes no scope lock: a scope that
cancels the step meanwhile finds another state there and starts its transaction over.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from workflows_app.services import rows
from workflows_app.services.batch import Claim
from workflows_app.services.context import contexts_load
from workflows_app.services.held import held
from workflows_app.services.rows import ScopeRow
from workflows_app.services.storage import steps_take
from workflows_app.services.values import Setting

JSON = Any


@dataclass(slots=True)
class Claims:
    """Steps that were leased, and scopes (with their runs) that have facts waiting."""

    claims: list[Claim] = field(default_factory=list)
    inboxes: dict[UUID, UUID] = field(default_factory=dict)


def steps_claim(
    *,
    worker: str,
    limit: int,
    run_ids: Sequence[UUID] | None = None,
    hinted: Sequence[UUID] = (),
) -> Claims:
    """Lease up to `limit` ready steps, oldest first, of these runs or of any.

    What was read with them is held in memory, so that their results need no reading.
    """
    read = steps_take(
        worker=worker,
        limit=max(limit, 0),
        seconds=settings.LEASE_SECONDS,
        run_ids=run_ids,
        hinted=hinted,
    )
    if read.claimed:
        contexts = contexts_load(read.runs)
        found = [
            _claim(read.scopes[scope_id], step_run, contexts, given, feedback)
            for step_run, scope_id, given, feedback in read.claimed
        ]
    else:
        found = []
    held.seed(read.runs, read.scopes)
    return Claims(found, read.inboxes)


def _claim(
    row: ScopeRow, step_run: UUID, contexts: dict[UUID, Any], input: JSON, feedback: JSON
) -> Claim:
    context = contexts[row.run_id]
    graph = context.graph(row.body, row.override)
    status = next(status for status in row.steps if status.id == step_run)
    return Claim(
        id=status.id,
        scope_id=row.id,
        run_id=row.run_id,
        context=context,
        setting=Setting(
            context=context,
            scope_id=row.id,
            ancestors=tuple(row.ancestors),
            body=row.body,
            graph=graph,
            values=row.values,
        ),
        node=graph.nodes[status.step],
        path=status.path,
        generation=status.generation,
        attempt=status.attempt,
        token=status.token,  # type: ignore[arg-type]
        approved_digest=status.approved_digest,
        input=input,
        feedback=feedback,
        progress=status.progress,
    )


def claims_release(*, claims: dict[UUID, UUID]) -> None:
    """Hand steps back (ids with tokens) that nobody here has a slot for; nothing was tried."""
    if not claims:
        return
    rows.cursor_open().execute(
        "UPDATE workflows_app_steprun s SET state = 'ready', attempt = s.attempt - 1, token = NULL,"
        " lease_owner = NULL, lease_expires_at = NULL, started_at = NULL,"
        " send_at = clock_timestamp() + interval '5 seconds'"
        " FROM unnest(%s::uuid[], %s::uuid[]) AS d(id, token)"
        " WHERE s.id = d.id AND s.token = d.token AND s.state = 'running'",
        [list(claims), list(claims.values())],
        prepare=True,
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
