"""Read the sealed record: filtered lists, single records, everything about one object."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import rfc8785
from django.db.models import QuerySet

from approvals_app.models import ApprovalRequest
from workflows_app.evidence.core.records import BESIDE, Fields, link_next, record_build
from workflows_app.evidence.models import Chain, Seal
from workflows_app.evidence.selectors.unsealed import fields_load
from workflows_app.models import Run, Workspace

REFERENCE = re.compile(r"(RUN|APR)-(\d{1,18})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to show; an empty one shows everything.

    `action` is a type, or the beginning of several: `approval.` or `approval.*`.
    `object` is as recorded (`workflow:refunds`), or a number as people say it: RUN-7, APR-12.
    """

    actor: str = ""
    object: str = ""
    action: str = ""
    since: datetime | None = None
    until: datetime | None = None


def record_list(*, workspace: Workspace, filters: Filters) -> QuerySet[Seal]:
    """Give the seals of a workspace that match; the caller orders and pages by position."""
    seals = Seal.objects.filter(chain__workspace=workspace)
    if filters.actor:
        seals = seals.filter(actor=filters.actor)
    if filters.action.endswith((".", ".*")):
        seals = seals.filter(type__startswith=filters.action.rstrip("*"))
    elif filters.action:
        seals = seals.filter(type=filters.action)
    if filters.since:
        seals = seals.filter(at__gte=filters.since)
    if filters.until:
        seals = seals.filter(at__lt=filters.until)
    return _about(seals, workspace, filters.object) if filters.object else seals


def record_shapes(seals: Iterable[Seal], *, workspace: UUID) -> list[dict[str, Any]]:
    """Give each record with its `previous` and `hash`, in the given order.

    A record that is gone shows what its seal repeats of it, and `"missing": true`.
    """
    seals = list(seals)
    stored = {
        "run": fields_load("run", [seal.run_event_id for seal in seals if seal.run_event_id]),
        "app": fields_load("app", [seal.app_event_id for seal in seals if seal.app_event_id]),
    }
    return [_shape(seal, workspace, stored) for seal in seals]


def record_get(*, workspace: Workspace, position: int) -> dict[str, Any] | None:
    """Give one record by its position, or None."""
    seal = Seal.objects.filter(chain__workspace=workspace, position=position).first()
    return record_shapes([seal], workspace=workspace.pk)[0] if seal else None


def record_hash(record: dict[str, Any]) -> str:
    """Give the hash that a record, as it is now, should have (lower-case hex)."""
    sealed = {name: value for name, value in record.items() if name not in BESIDE}
    previous = bytes.fromhex(record["previous"])
    return link_next(previous, rfc8785.dumps(sealed), position=record["position"]).hash.hex()


def chain_get(*, workspace: Workspace) -> Chain | None:
    """Give a workspace's chain; None before its first record."""
    return Chain.objects.filter(workspace=workspace).first()


def chain_break(*, workspaces: Iterable[UUID]) -> Chain | None:
    """Give a chain that was found broken, for the warning that admins see on every page."""
    broken = Chain.objects.filter(workspace__in=list(workspaces), broken_at__isnull=False)
    return broken.select_related("workspace").first()


def run_numbers(runs: Iterable[str]) -> dict[str, int]:
    """Give the numbers of runs by their ids."""
    rows = Run.objects.filter(pk__in=list(runs)).values_list("pk", "number")
    return {str(pk): number for pk, number in rows}


def _shape(seal: Seal, workspace: UUID, stored: dict[str, Any]) -> dict[str, Any]:
    source = "run" if seal.run_event_id else "app"
    fields = stored[source].get(seal.run_event_id or seal.app_event_id)
    links = {"previous": bytes(seal.previous).hex(), "hash": bytes(seal.hash).hex()}
    if fields is None:
        return {**_remains(seal, workspace), **links, "missing": True}
    record, _ = record_build(fields, workspace=workspace, position=seal.position)
    return {**record, **links}


def _remains(seal: Seal, workspace: UUID) -> dict[str, Any]:
    fields = Fields(
        source="run" if seal.run_event_id else "app",
        id=seal.run_event_id or seal.app_event_id or 0,
        at=seal.at,
        type=seal.type,
        object=seal.object,
        actor=seal.actor,
        why="",
        data=None,
    )
    return record_build(fields, workspace=workspace, position=seal.position)[0]


def _about(seals: QuerySet[Seal], workspace: Workspace, text: str) -> QuerySet[Seal]:
    """Narrow to one object; a number that does not exist here matches nothing."""
    match = REFERENCE.fullmatch(text.strip())
    if match is None:
        return seals.filter(object__in=(text, f"run:{text}"))
    number = int(match[2])
    if match[1].upper() == "RUN":
        run = Run.objects.filter(workspace=workspace, number=number).first()
        return seals.filter(object=f"run:{run.pk}") if run else seals.none()
    approval = ApprovalRequest.objects.filter(workspace=workspace, number=number).first()
    if approval is None:
        return seals.none()
    return seals.filter(
        object=f"run:{approval.run_id}",
        run_event__path=approval.path,
        run_event__generation=approval.generation,
    )
