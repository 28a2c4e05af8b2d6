"""Seal new records into their workspace's chain, off the hot path.

New records are found by the id of the transaction that wrote them, never by their own id: ids
are taken before commit, and whoever reads "beyond the last id" loses what commits late. Once
every transaction before X has ended, all of its records are visible; so everything at or beyond
the cursor that is visible and unsealed is sealed, and then the cursor moves up to X. Records of
one run are numbered while its row is locked, so in the order of their ids they stand in the order
of its sequence.

A database that was restored into another server may number its transactions from lower down: a
cursor ahead of the server's own horizon starts again from nothing, once.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import batched
from threading import Lock, Thread
from typing import Any

from django.db import OperationalError, connection, transaction

from workflows_app.evidence.core.records import link_next, record_build
from workflows_app.evidence.models import Chain, SealCursor
from workflows_app.evidence.selectors.unsealed import (
    Unsealed,
    first_unsealed_transaction,
    unsealed_find,
    unsealed_load,
)
from workflows_app.evidence.services.tally import tally_add

logger = logging.getLogger("countersign.audit")

LOCK = 0x5EA1  # advisory: one sealer at a time
BATCH = 4_000  # records in one transaction
SLICE = 1_000  # records in memory, and in one INSERT
_guard = Lock()
_beside: dict[str, Any] = {"thread": None, "sealed": 0}

INSERT = """
    INSERT INTO evidence_seal (chain_id, position, previous, hash, record_hash, run_event_id,
                               app_event_id, at, type, actor, object)
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bytea[], %s::bytea[], %s::bytea[],
                         %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[],
                         %s::text[])
"""


def seal_sweep(now: datetime) -> int:
    """Have what is new sealed, beside the other sweeps; give how much was since the last call."""
    with _guard:
        thread, sealed = _beside["thread"], _beside["sealed"]
        _beside["sealed"] = 0
        if thread is None or not thread.is_alive():
            _beside["thread"] = Thread(target=_drain_beside, name="audit-seal", daemon=True)
            _beside["thread"].start()
    return sealed


def seal_drain() -> int:
    """Seal all that is new; 0 while another sealer is at work."""
    total = 0
    while True:
        sealed = seal_batch(wait=False)
        total += sealed
        if sealed < BATCH:
            return total


def _drain_beside() -> None:
    try:
        sealed = seal_drain()
        with _guard:
            _beside["sealed"] += sealed
    except Exception:
        logger.exception("sealing the audit log failed; it is tried again")
    finally:
        connection.close()


def seal_now() -> int:
    """Seal what is committed, before it is read; waits for another sealer, within reason."""
    try:
        return seal_batch(wait=True)
    except OperationalError:  # the lock's time-out: the other sealer is doing the work
        logger.warning("audit sealing is busy; reading what is sealed so far")
        return 0


@transaction.atomic
def seal_batch(*, wait: bool) -> int:
    """Seal at most `BATCH` records and give their number."""
    if not _lock(wait=wait):
        return 0
    horizon, ceiling = _transactions()
    low = _cursor_read(horizon)
    found = unsealed_find(low=low, ceiling=ceiling if low else None, limit=BATCH)
    homeless = [one for one in found if one.workspace is None]
    found = [one for one in found if one.workspace is not None]
    for part in batched(found, SLICE):
        _seal(part)
    if found or horizon - low > SLICE:
        _cursor_move(low, horizon, ceiling, is_drained=len(found) < BATCH and not homeless)
    return len(found)


def _lock(*, wait: bool) -> bool:
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SET LOCAL lock_timeout = '3s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return cursor.fetchone()[0]


def _transactions() -> tuple[int, int]:
    """Give the id before which every transaction has ended, and one beyond any visible one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_snapshot_xmin(here)::text::bigint,
                      greatest(pg_snapshot_xmax(here)::text::bigint,
                               coalesce(pg_current_xact_id_if_assigned()::text::bigint, 0) + 1)
               FROM pg_current_snapshot() AS here"""
        )
        return cursor.fetchone()


def _cursor_read(horizon: int) -> int:
    low = SealCursor.objects.get_or_create(pk=1)[0].transaction
    if low > horizon:
        logger.warning("transaction ids went back (a restore?): looking at every record again")
        SealCursor.objects.filter(pk=1).update(transaction=0)
        return 0
    return low


def _cursor_move(low: int, horizon: int, ceiling: int, *, is_drained: bool) -> None:
    if is_drained:
        target = horizon
    elif low == 0:
        return
    else:
        target = min(horizon, first_unsealed_transaction(low=low, ceiling=ceiling) or horizon)
    if target != low:
        SealCursor.objects.filter(pk=1).update(transaction=target)


def _seal(records: Iterable[Unsealed]) -> None:
    rows = []
    loaded = [(home, fields) for home, fields in unsealed_load(records) if home is not None]
    chains = _chains_lock({workspace for workspace, _ in loaded})
    for workspace, fields in loaded:
        chain = chains[workspace]
        position = chain.position + 1
        _, canonical = record_build(fields, workspace=workspace, position=position)
        link = link_next(bytes(chain.hash), canonical, position=position)
        chain.position, chain.hash = position, link.hash
        is_run = fields.source == "run"
        rows.append(
            (
                chain.pk,
                position,
                link.previous,
                link.hash,
                link.record_hash,
                fields.id if is_run else None,
                None if is_run else fields.id,
                fields.at,
                fields.type,
                fields.actor,
                fields.object,
            )
        )
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [list(column) for column in zip(*rows, strict=True)])
    Chain.objects.bulk_update(chains.values(), ["position", "hash"])
    tally_add([fields.id for _, fields in loaded if fields.source == "run"])


def _chains_lock(workspaces: set) -> dict:
    """Lock the chains, in the order of their ids, making those that are missing."""
    Chain.objects.bulk_create(
        [Chain(workspace_id=workspace, hash=bytes(32)) for workspace in workspaces],
        ignore_conflicts=True,
    )
    rows = Chain.objects.select_for_update().filter(workspace__in=workspaces).order_by("pk")
    return {chain.workspace_id: chain for chain in rows}
