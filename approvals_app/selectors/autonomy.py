"""What people did with the proposals of each gate, and what a rule would have let through."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, DurationField, Exists, F, OuterRef, Q, QuerySet

from approvals_app.core.evidence import suggestion, wilson_lower
from approvals_app.core.states import DECIDED
from approvals_app.models import ApprovalRequest, Edit
from workflows_app.core.expressions import ExpressionError, compile_condition
from workflows_app.selectors.people import Principal

JSON = Any
WINDOW = timedelta(days=90)
LOOKED_AT = 2_000  # newest requests of a simulation
LISTED = 50


class Median(Aggregate):
    """The middle of a group's durations."""

    template = "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def _decided(spaces: Iterable[UUID], now: datetime) -> QuerySet[ApprovalRequest]:
    """Give live gates' requests that people decided in the last 90 days."""
    edits = Edit.objects.filter(request=OuterRef("pk"), digest_after=OuterRef("digest"))
    return ApprovalRequest.objects.filter(
        workspace_id__in=list(spaces),
        state__in=[state.value for state in DECIDED],
        mode="live",
        reason="approval",
        decided_at__gt=now - WINDOW,
    ).annotate(is_edited=Exists(edits))


def _readable(actor: Principal) -> list[UUID]:
    return [grant.workspace.pk for grant in actor.grants if "read" in grant.scopes]


def gate_records(*, actor: Principal, now: datetime) -> list[dict[str, JSON]]:
    """Give a line for each gate and risk: counts, the bound, the median time, a suggestion."""
    names = ("workflow__slug", "workflow__name", "path", "risk")
    agreed = Q(state="approved", is_edited=False)
    rows = (
        _decided(_readable(actor), now)
        .values(*names)
        .annotate(
            total=Count("pk"),
            agreed=Count("pk", filter=agreed),
            edited=Count("pk", filter=Q(state="approved", is_edited=True)),
            rejected=Count("pk", filter=Q(state="rejected")),
            taken_over=Count("pk", filter=Q(state="taken_over")),
            median=Median(F("decided_at") - F("requested_at")),
        )
        .order_by("workflow__slug", "path", "risk")
    )
    return [_line(row) for row in rows]


def _line(row: dict[str, JSON]) -> dict[str, JSON]:
    agreed, total = row["agreed"], row["total"]
    kind, words = suggestion(agreed=agreed, total=total, risk=row["risk"])
    return {
        **row,
        "share": 100 * agreed / total,
        "bound": 100 * wilson_lower(agreed, total),
        "seconds": row["median"].total_seconds() if row["median"] else None,
        "kind": kind,
        "suggestion": words,
        "may_simulate": row["risk"] != "critical",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What a rule would have let through, and what people had done with that.

    Args:
        passed: how many would not have been asked about; `against` of them people changed.
        failed: how many the rule could not judge; those would have been asked about.
    """

    looked_at: int
    passed: int
    failed: int
    against: list[ApprovalRequest]
    against_count: int

    @property
    def bound(self) -> float:
        """Give the lower bound of agreement among what would have passed, in percent."""
        return 100 * wilson_lower(self.passed - self.against_count, self.passed)


def simulate(
    *, actor: Principal, now: datetime, workflow: str, path: str, risk: str, rule: str
) -> Simulation:
    """Try a rule (CEL over `proposal`) on past requests of a gate; nothing is changed by it.

    It sees what the agent proposed, before any edit.

    Raises:
        ExpressionProblem: the rule cannot be used.
    """
    condition = compile_condition(rule, ["proposal"])
    found = _decided(_readable(actor), now).filter(workflow__slug=workflow, path=path, risk=risk)
    rows = found.exclude(risk="critical").prefetch_related("edits").order_by("-number")
    looked_at = passed = failed = 0
    against = []
    for row in rows[:LOOKED_AT]:
        looked_at += 1
        try:
            holds = condition.evaluate({"proposal": proposed(row)})
        except ExpressionError:
            failed += 1
            continue
        if holds:
            passed += 1
            if row.state != "approved" or row.is_edited:  # type: ignore[attr-defined]
                against.append(row)
    return Simulation(
        looked_at=looked_at,
        passed=passed,
        failed=failed,
        against=against[:LISTED],
        against_count=len(against),
    )


def proposed(request: ApprovalRequest) -> JSON:
    """Give the action as the agent proposed it."""
    edits = sorted(request.edits.all(), key=lambda edit: edit.pk)
    return (edits[0].before if edits else request.action) or {}
