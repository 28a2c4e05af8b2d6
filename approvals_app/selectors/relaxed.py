"""Relaxed gates: since when, on what evidence, and whether that still holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import Count, Q

from approvals_app.core.evidence import is_tightened
from approvals_app.core.gates import basis, basis_changes
from approvals_app.core.locate import gate_find
from approvals_app.core.states import DECIDED
from approvals_app.models import ApprovalRequest, GateStop
from approvals_app.selectors.clock import DatabaseClock
from workflows_app.models import WorkflowVersion

JSON = Any
VERSIONS_BACK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """A gate's rule in one version.

    Args:
        since: the number of the version that brought the rule.
        changed: what the proposals rest on that has changed since the evidence was gathered.
    """

    workflow_id: UUID
    gate: str
    rule: Mapping[str, JSON]
    since: int
    number: int
    changed: tuple[str, ...]


@lru_cache(maxsize=1_000)
def relaxation_of(version_id: UUID, gate: str) -> Relaxation | None:
    """Give the rule of a gate in a published version; versions never change, so it is kept.

    The evidence is that of the version before the rule came: a prompt, model or tool that was
    changed together with the rule, or later, has none.
    """
    version = WorkflowVersion.objects.get(pk=version_id)
    rule = relax_of(version.definition, gate)
    if rule is None or version.number is None:
        return None
    first, evidence = version, None
    earlier = WorkflowVersion.objects.filter(
        workflow_id=version.workflow_id, number__lt=version.number
    ).order_by("-number")
    for one in earlier[:VERSIONS_BACK].iterator():
        if relax_of(one.definition, gate) != rule:
            evidence = one
            break
        first = one
    known = evidence or first
    changed = basis_changes(
        basis(known.definition, known.pins, gate), basis(version.definition, version.pins, gate)
    )
    return Relaxation(
        workflow_id=version.workflow_id,
        gate=gate,
        rule=rule,
        since=first.number or version.number,
        number=version.number,
        changed=tuple(changed),
    )


def relax_of(definition: JSON, gate: str) -> Mapping[str, JSON] | None:
    """Give the `relax` of a gate in a definition, if it has one."""
    found = gate_find(definition, gate)
    relax = found[1].get("relax") if found else None
    return relax if isinstance(relax, Mapping) else None


def sample_of(relaxation: Relaxation) -> dict[str, int]:
    """Give how people answered what was asked all the same, since the rule came."""
    asked = ApprovalRequest.objects.filter(
        workflow_id=relaxation.workflow_id,
        gate=relaxation.gate,
        is_sampled=True,
        mode="live",
        state__in=DECIDED,
        effective_at__lte=DatabaseClock(),
        version__number__gte=relaxation.since,
    )
    agreed = Q(state="approved", edits__isnull=True)
    return asked.aggregate(total=Count("pk"), agreed=Count("pk", filter=agreed))


def stop_find(relaxation: Relaxation) -> tuple[str, str] | None:
    """Give why the gate must ask every time again, as (code, words); None while the rule holds."""
    stopped = GateStop.objects.filter(
        workflow_id=relaxation.workflow_id, gate=relaxation.gate, since=relaxation.since
    )
    known = stopped.filter(Q(code="tightened") | Q(at_version=relaxation.number)).first()
    if known is not None:
        return known.code, known.why
    if relaxation.changed:
        what = " and ".join(relaxation.changed[:3])
        return "reset", f"Supervised again: {what} changed since the evidence was gathered."
    sample = sample_of(relaxation)
    if is_tightened(sample["agreed"], sample["total"], float(relaxation.rule.get("least", 0.9))):
        words = f"people agreed with {sample['agreed']} of {sample['total']} in the sample"
        return "tightened", f"Tightened by itself: {words}."
    return None
