"""Reads that only pages need: what waits, how things stand, lists with their figures."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    Avg,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    QuerySet,
    Sum,
)

from workflows_app.core.states import RUN_TERMINAL, RunState, StepState, WaitReason
from workflows_app.models import Run, StepRun, User, Workflow, WorkflowVersion
from workflows_app.selectors.draft_states import draft_states_add, narrowed, with_newest
from workflows_app.selectors.people import Actor, workspace_ids_of
from workflows_app.selectors.workflow_figures import asking_of, p95_of

TERMINAL = [state.value for state in RUN_TERMINAL]
BAD = [RunState.FAILED.value, RunState.TIMED_OUT.value]
OUTCOMES_SHOWN = 20


def open_run_count(*, actor: Actor, most: int | None = None) -> int:
    """Count the runs that have not ended, up to `most` where all is not worth counting."""
    open_runs = Run.objects.filter(
        workspace_id__in=workspace_ids_of(actor), finished_at__isnull=True
    )
    return open_runs.values("pk")[:most].count()


def version_rows(*, workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """Give the published versions, newest first, with how many runs each had."""
    return (
        workflow.versions.filter(number__isnull=False)
        .select_related("published_by")
        .defer("definition", "expanded")
        .annotate(run_count=Count("runs"))
        .order_by("-number")
    )


def workflow_rows(
    *, actor: Actor, text: str = "", archived: bool = False, state: str = ""
) -> list[Any]:
    """Give workflows by name, each with `newest`, `open_runs`, `asking`, `p95` and outcomes.

    `outcomes` are (number, state) of the last runs, oldest first; `failed_share` is in percent;
    `draft_state` is one of `DRAFT_STATES`, and `state` leaves only the rows of one.
    """
    workflows = Workflow.objects.filter(
        workspace_id__in=workspace_ids_of(actor), archived_at__isnull=not archived
    )
    if text:
        workflows = workflows.filter(Q(name__icontains=text) | Q(slug__icontains=text))
    found: list[Any] = list(
        narrowed(with_newest(workflows), state)
        .select_related("workspace", "created_by")
        .defer("draft")
        .order_by("name", "pk")[:200]
    )
    draft_states_add(found)
    found = [row for row in found if state in ("", row.draft_state)]
    _add_figures(found)
    return found


def _add_figures(workflows: list[Any]) -> None:
    ids = [workflow.pk for workflow in workflows]
    open_runs = dict(
        Run.objects.filter(workflow_id__in=ids, finished_at__isnull=True)
        .values_list("workflow_id")
        .annotate(count=Count("pk"))
    )
    outcomes, p95, asking = _outcomes(ids), p95_of(ids), asking_of(ids)
    for workflow in workflows:
        last = outcomes.get(workflow.pk, [])
        ended = [state for _, state in last if state in TERMINAL]
        workflow.open_runs = open_runs.get(workflow.pk, 0)
        workflow.p95, workflow.asking = p95.get(workflow.pk), asking.get(workflow.pk, 0)
        workflow.outcomes = last[::-1]
        failed = sum(state in BAD for state in ended)
        workflow.failed_share = round(100 * failed / len(ended)) if ended else None


def _outcomes(ids: list[UUID]) -> dict[UUID, list[tuple[int, str]]]:
    """Give number and state of the last runs of each workflow, newest first, in one question."""
    newest = [
        Run.objects.filter(workflow_id=workflow_id, parent__isnull=True)
        .order_by("-number")
        .values_list("workflow_id", "number", "state")[:OUTCOMES_SHOWN]
        for workflow_id in ids
    ]
    found: dict[UUID, list[tuple[int, str]]] = {}
    if newest:
        rows = newest[0].union(*newest[1:], all=True) if len(newest) > 1 else newest[0]
        for workflow_id, number, state in rows:
            found.setdefault(workflow_id, []).append((number, state))
    return {key: sorted(one, reverse=True) for key, one in found.items()}


def waits_of(runs: Iterable[Run]) -> dict[UUID, StepRun]:
    """Give for each open run the step that says best where it stands: a person's first."""
    ids = [run.pk for run in runs if run.finished_at is None]
    steps = (
        StepRun.objects.filter(
            run_id__in=ids, is_current=True, is_container=False, state__in=["waiting", "running"]
        )
        .only("run_id", "path", "step", "kind", "state", "reason", "waiting", "started_at")
        .order_by("pk")[:2000]
    )
    best: dict[UUID, StepRun] = {}
    for step in steps:
        known = best.get(step.run_id)
        if known is None or _urgency(step) < _urgency(known):
            best[step.run_id] = step
    return best


def _urgency(step: StepRun) -> int:
    order = [WaitReason.INCIDENT, WaitReason.APPROVAL, WaitReason.REVIEW, WaitReason.CHECKPOINT]
    order += [WaitReason.BUDGET]
    if step.reason in [reason.value for reason in order]:
        return [reason.value for reason in order].index(step.reason)
    return 10 if step.state == StepState.RUNNING.value else 20


def step_counts(*, run: Run) -> dict[str, int]:
    """Give how many current step runs of a run are in each state, and `retries`."""
    rows = (
        StepRun.objects.filter(run_id=run.pk, is_current=True)
        .values_list("state")
        .annotate(count=Count("pk"))
    )
    counts = dict(rows)
    extra = StepRun.objects.filter(run_id=run.pk, attempt__gt=1).aggregate(
        extra=Sum(F("attempt") - 1)
    )["extra"]
    return {**counts, "total": sum(counts.values()), "retries": extra or 0}


def health(*, actor: Actor, since: datetime) -> list[dict[str, Any]]:
    """Give for each workflow that ran since then: started, ended, failed, p95 and cost."""
    lasted = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    rows: list[Any] = list(
        Run.objects.filter(
            workspace_id__in=workspace_ids_of(actor), created_at__gte=since, mode="live"
        )
        .values("workflow_id", "workflow__name", "workflow__slug")
        .annotate(
            started=Count("pk"),
            ended=Count("pk", filter=Q(state__in=TERMINAL)),
            failed=Count("pk", filter=Q(state__in=BAD)),
            cost=Sum("cost_usd"),
            mean=Avg(lasted, filter=Q(finished_at__isnull=False)),
        )
        .order_by("-started")[:20]
    )
    for row in rows:
        row["failed_share"] = round(100 * row["failed"] / row["ended"]) if row["ended"] else None
        row["p95"] = _p95(row["workflow_id"], since)
    return rows


def _p95(workflow_id: UUID, since: datetime) -> timedelta | None:
    ended = Run.objects.filter(
        workflow_id=workflow_id, created_at__gte=since, mode="live", started_at__isnull=False
    ).filter(finished_at__isnull=False)
    lasted = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    count = ended.count()
    if not count:
        return None
    place = min(count - 1, int(count * 0.95))
    return ended.annotate(lasted=lasted).order_by("lasted").values_list("lasted", flat=True)[place]


def started_by_slice(
    *, actor: Actor, since: datetime, now: datetime, slices: int
) -> list[dict[str, int]]:
    """Give started, ended and failed runs in equal slices of the time since then."""
    width = (now - since) / slices
    rows = [{"started": 0, "succeeded": 0, "failed": 0} for _ in range(slices)]
    times = Run.objects.filter(
        workspace_id__in=workspace_ids_of(actor), created_at__gte=since
    ).values_list("created_at", "state")
    for at, state in times.iterator(chunk_size=5000):
        row = rows[min(slices - 1, int((at - since) / width))]
        row["started"] += 1
        row["succeeded"] += state == RunState.SUCCEEDED.value
        row["failed"] += state in BAD
    return rows


def attention_rows(*, actor: Actor, since: datetime) -> dict[str, Any]:
    """Give what is wrong now: incidents, failed runs since then, and runs that cost most."""
    spaces = workspace_ids_of(actor)
    incidents = (
        StepRun.objects.filter(
            run__workspace_id__in=spaces,
            state=StepState.WAITING.value,
            reason=WaitReason.INCIDENT.value,
            is_current=True,
            run__finished_at__isnull=True,
        )
        .select_related("run__workflow")
        .defer("run__workflow__draft", "run__input", "run__output")
        .order_by("-pk")[:5]
    )
    failed = (
        Run.objects.filter(
            workspace_id__in=spaces, state__in=BAD, finished_at__gte=since, mode="live"
        )
        .select_related("workflow")
        .defer("workflow__draft", "input", "output")
        .order_by("-finished_at")
    )
    return {
        "incidents": list(incidents),
        "failed": list(failed[:5]),
        "failed_count": failed.count(),
    }


def spend(*, actor: Actor, since: datetime) -> float:
    """Give what the runs created since then have cost, in US dollars."""
    runs = Run.objects.filter(workspace_id__in=workspace_ids_of(actor), created_at__gte=since)
    return float(runs.aggregate(cost=Sum("cost_usd"))["cost"] or 0.0)


def starter_of(*, run: Run) -> User | None:
    """Give who started a run, where that was a person."""
    return User.objects.filter(pk=run.started_by_id).first() if run.started_by_id else None
