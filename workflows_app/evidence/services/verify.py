"""Prove a chain: walk it from its beginning, over the records as they stand now."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.db.models.functions import Now

from workflows_app.evidence.core.checks import Verdict, Walk
from workflows_app.evidence.core.records import Fields, Link, record_build
from workflows_app.evidence.models import Chain, Seal
from workflows_app.evidence.selectors.unsealed import fields_load
from workflows_app.evidence.services.heads import heads_read

CHUNK = 2_000


def chain_verify(*, workspace: UUID) -> Verdict:
    """Walk the whole chain of a workspace, and compare its end with the heads kept outside.

    A chain that does not exist yet holds, with nothing checked. The outcome is noted on the
    chain, for the pages.
    """
    heads = {head.position: head.hash for head in heads_read(workspace)}
    walk = Walk(heads=heads)
    chain = Chain.objects.filter(workspace=workspace).first()
    if chain is None:
        walk.end()
        return walk.verdict()
    for link, canonical in chain_walk(chain):
        if not walk.step(link, canonical):
            break
    walk.end((chain.position, bytes(chain.hash).hex()))
    beyond = Seal.objects.filter(chain=chain, position__gt=F("chain__position"))
    if walk.first_bad is None and beyond.exists():
        walk.fail(walk.position + 1, "it lies beyond the end that the chain names")
    verdict = replace(walk.verdict(), position=chain.position, hash=bytes(chain.hash).hex())
    Chain.objects.filter(pk=chain.pk).update(
        verified_at=Now(), verified_position=verdict.checked, broken_at=verdict.first_bad
    )
    return verdict


def chain_walk(chain: Chain, *, after: int = 0) -> Iterator[tuple[Link, bytes | None]]:
    """Give each seal up to the chain's end with its record's canonical bytes, in order."""
    while seals := _seals(chain, after):
        stored = _stored(seals)
        for seal in seals:
            yield _link(seal), _canonical(chain.workspace_id, seal, stored)
        after = seals[-1].position


def _seals(chain: Chain, after: int) -> list[Seal]:
    rows = Seal.objects.filter(chain=chain, position__gt=after, position__lte=chain.position)
    return list(rows.order_by("position")[:CHUNK])


def _stored(seals: list[Seal]) -> dict[str, dict[int, Fields]]:
    return {
        "run": fields_load("run", [seal.run_event_id for seal in seals if seal.run_event_id]),
        "app": fields_load("app", [seal.app_event_id for seal in seals if seal.app_event_id]),
    }


def _link(seal: Seal) -> Link:
    return Link(
        position=seal.position,
        previous=bytes(seal.previous),
        hash=bytes(seal.hash),
        record_hash=bytes(seal.record_hash),
    )


def _canonical(workspace: UUID, seal: Seal, stored: dict[str, Any]) -> bytes | None:
    """Give the record's bytes: None when it is gone, none that fit when the seal says otherwise."""
    if seal.run_event_id:
        fields = stored["run"].get(seal.run_event_id)
    else:
        fields = stored["app"].get(seal.app_event_id)
    if fields is None:
        return None
    if not _repeats(seal, fields):
        return b""
    return record_build(fields, workspace=workspace, position=seal.position)[1]


def _repeats(seal: Seal, fields: Fields) -> bool:
    """Tell whether the columns for searching say what the record says."""
    columns: tuple[datetime | str, ...] = (seal.at, seal.type, seal.actor, seal.object)
    return columns == (fields.at, fields.type, fields.actor, fields.object)
