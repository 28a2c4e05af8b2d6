"""What people did with the proposals of each gate: the record, gate by gate and risk by risk."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Aggregate, Count, DurationField, Exists, F, OuterRef, Q, QuerySet, Sum

from approvals_app.core.evidence import Record, suggestion, wilson_lower
from approvals_app.core.states import DECIDED
from approvals_app.models import ApprovalRequest, Edit, RelaxedPass
from approvals_app.selectors.relaxed import relaxation_of, sample_of, stop_find
from workflows_app.models import WorkflowVersion
from workflows_app.selectors.people import Principal

JSON = Any
WINDOW = timedelta(days=90)
QUESTIONS = ("approval", "checkpoint")  # kinds whose step is the question: nothing to relax


class Median(Aggregate):
    """The middle of a group's durations."""

    template = "PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def decided_of(spaces: Iterable[UUID], now: datetime) -> QuerySet[ApprovalRequest]:
    """Give live gates' requests that people decided in the last 90 days."""
    edits = Edit.objects.filter(request=OuterRef("pk"), digest_after=OuterRef("digest"))
    return ApprovalRequest.objects.filter(
        workspace_id__in=list(spaces),
        state__in=[state.value for state in DECIDED],
        mode="live",
        reason="approval",
        decided_at__gt=now - WINDOW,
    ).annotate(is_edited=Exists(edits))


def readable(actor: Principal) -> list[UUID]:
    """Give the workspaces whose record `actor` may read."""
    return [grant.workspace.pk for grant in actor.grants if "read" in grant.scopes]


def gate_records(*, actor: Principal, now: datetime) -> list[dict[str, JSON]]:
    """Give a line for each gate and risk: counts, the bound, times, blind checks, a suggestion."""
    names = ("workflow_id", "workflow__slug", "workflow__name", "gate", "risk", "kind")
    agreed = Q(state="approved", is_edited=False)
    rows = (
        decided_of(readable(actor), now)
        .values(*names)
        .annotate(
            total=Count("pk"),
            agreed=Count("pk", filter=agreed),
            edited=Count("pk", filter=Q(state="approved", is_edited=True)),
            rejected=Count("pk", filter=Q(state="rejected")),
            taken_over=Count("pk", filter=Q(state="taken_over")),
            blind=Count("pk", filter=Q(is_blind=True)),
            blind_agreed=Count("pk", filter=agreed & Q(is_blind=True)),
            median=Median(F("decided_at") - F("requested_at")),
            waited=Sum(F("decided_at") - F("requested_at")),
        )
        .order_by("workflow__slug", "gate", "risk")
    )
    found = list(rows)
    newest = _newest({row["workflow_id"] for row in found})
    relaxed = {
        (row["workflow_id"], row["gate"]): relaxed_state(
            newest.get(row["workflow_id"]), row["gate"], now
        )
        for row in found
    }
    return [_line(row, relaxed[row["workflow_id"], row["gate"]]) for row in found]


def _newest(workflows: Iterable[UUID]) -> dict[UUID, UUID]:
    versions = (
        WorkflowVersion.objects.filter(workflow_id__in=list(workflows), number__isnull=False)
        .order_by("workflow_id", "-number")
        .distinct("workflow_id")
    )
    return dict(versions.values_list("workflow_id", "pk"))


def relaxed_state(version_id: UUID | None, gate: str, now: datetime) -> dict[str, JSON] | None:
    """Give what a relaxed gate has done and whether it still may; None where it is not relaxed."""
    relaxation = relaxation_of(version_id, gate) if version_id else None
    if relaxation is None:
        return None
    passes = RelaxedPass.objects.filter(
        workflow_id=relaxation.workflow_id, gate=gate, at__gt=now - WINDOW
    )
    stop = stop_find(relaxation)
    return {
        "rule": relaxation.rule.get("when"),
        "since": relaxation.since,
        "passed": passes.count(),
        "sample": sample_of(relaxation),
        "stop": stop[1] if stop else None,
    }


def _line(row: dict[str, JSON], relaxed: dict[str, JSON] | None) -> dict[str, JSON]:
    agreed, total = row["agreed"], row["total"]
    is_question = row["kind"] in QUESTIONS
    kind, words = suggestion(
        Record(
            total=total,
            agreed=agreed,
            risk=row["risk"],
            blind=row["blind"],
            blind_agreed=row["blind_agreed"],
            is_relaxed=relaxed is not None,
            is_question=is_question,
        )
    )
    return {
        **row,
        "share": 100 * agreed / total,
        "bound": 100 * wilson_lower(agreed, total),
        "blind_share": 100 * row["blind_agreed"] / row["blind"] if row["blind"] else None,
        "seconds": row["median"].total_seconds() if row["median"] else None,
        "waited_hours": row["waited"].total_seconds() / 3600 if row["waited"] else 0.0,
        "relaxed": relaxed,
        "kind": kind,
        "suggestion": words,
        "may_relax": row["risk"] != "critical" and not is_question,
    }
