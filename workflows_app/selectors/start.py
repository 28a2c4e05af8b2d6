"""What the start page tells before a run: how long, at what cost, decided by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Avg, DurationField, ExpressionWrapper, F, QuerySet

from workflows_app.core.definition.gates import Gate
from workflows_app.core.states import RunState
from workflows_app.models import Group, Run, Workflow, WorkflowVersion, Workspace
from workflows_app.selectors.people import Actor, workspace_ids_of

LOOKED_AT = 200  # runs, the newest: older ones say less about the next
PAST_SHOWN = 8
HEAVY = ("workflow__draft", "version__definition", "version__expanded", "version__pins", "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """How the last runs went: their count, half and nearly all of their times, mean cost."""

    count: int
    median: timedelta
    p95: timedelta
    cost_usd: float
    is_of_version: bool  # else of other versions of the workflow


def run_expectation(*, workflow: Workflow, version: WorkflowVersion | None) -> Expectation | None:
    """Give what to expect of a run; None before one has succeeded."""
    ended = Run.objects.filter(
        workflow=workflow, state=RunState.SUCCEEDED.value, started_at__isnull=False
    )
    of_version = ended.filter(version=version, mode="live") if version is not None else ended.none()
    for runs, is_of_version in ((of_version, True), (ended, False)):
        newest = runs.order_by("-number").values("pk")[:LOOKED_AT]
        found = _expectation(Run.objects.filter(pk__in=newest), is_of_version)
        if found is not None:
            return found
    return None


def _expectation(runs: QuerySet[Run], is_of_version: bool) -> Expectation | None:
    lasted = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    times = list(runs.annotate(lasted=lasted).order_by("lasted").values_list("lasted", flat=True))
    if not times:
        return None
    cost = runs.aggregate(mean=Avg("cost_usd"))["mean"]
    return Expectation(
        count=len(times),
        median=times[len(times) // 2],
        p95=times[min(len(times) - 1, int(len(times) * 0.95))],
        cost_usd=float(cost or 0),
        is_of_version=is_of_version,
    )


def past_runs(*, actor: Actor, workflow: Workflow) -> QuerySet[Run]:
    """Give the newest runs whose input could be used again."""
    return (
        Run.objects.filter(workspace_id__in=workspace_ids_of(actor), workflow=workflow)
        .filter(parent__isnull=True)
        .select_related("version")
        .defer(*HEAVY[1:])
        .order_by("-number")[:PAST_SHOWN]
    )


def gate_rows(*, gates: Iterable[Gate], workspace: Workspace) -> list[dict[str, Any]]:
    """Give for each gate its `path`, `need`, `when` and `who`: names with the groups' members."""
    groups: dict[str, list[str]] = {}
    for name, person in Group.objects.filter(
        workspace=workspace, members__is_active=True, members__user__is_active=True
    ).values_list("name", "members__user__username"):
        groups.setdefault(name, []).append(person)
    return [
        {
            "path": gate.path,
            "need": gate.need,
            "when": gate.when,
            "who": [_who(name, groups) for name in gate.assignees],
        }
        for gate in gates
    ]


def _who(assignee: str, groups: dict[str, list[str]]) -> dict[str, Any]:
    kind, _, name = assignee.partition(":")
    if kind == "group":
        return {"name": name, "is_group": True, "people": sorted(groups.get(name, []))}
    if kind == "user" and name:
        return {"name": name, "is_group": False, "people": [name]}
    return {"name": "", "is_group": False, "people": []}  # computed in the run
