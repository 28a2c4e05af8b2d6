"""What was spent of each budget: of the installation, of the workflows, of single runs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.db.models import Max

from workflows_app.agents.core.forecasts import window_share
from workflows_app.models import Run, WorkflowVersion
from workflows_app.selectors.guardrails import versions_in_force
from workflows_app.services.clock import database_now
from workflows_app.services.guardrails import installation_checks

JSON = Any
Per = Literal["run", "day", "month"]
EARLY = 0.05  # of a window: before, a forecast says nothing
_SPENT = """
SELECT scope, sum(usd) FILTER (WHERE day = (now() AT TIME ZONE 'utc')::date), sum(usd)
FROM agents_spend
WHERE scope = ANY(%s) AND day >= date_trunc('month', now() AT TIME ZONE 'utc')::date
GROUP BY scope
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """One budget and how far it is used up; of single runs, by the dearest that is open."""

    whose: str  # a workflow's name, or ""
    slug: str
    per: Per
    usd: float
    spent: float
    asks: bool  # for more, where it is used up; else the step fails
    forecast: float | None  # US dollars at the end of the window, if it goes on like this
    dearest: int | None = None  # the number of that run

    @property
    def percent(self) -> float:
        return min(100.0, 100.0 * self.spent / self.usd) if self.usd > 0 else 100.0

    @property
    def width(self) -> str:
        """Give the percent as an SVG attribute, whatever the locale."""
        return f"{self.percent:.2f}"

    @property
    def look(self) -> str:
        if self.percent >= 100.0:
            return "fail"
        return "human" if self.percent >= 80.0 else "ok"


def budget_rows(*, workspace_id: UUID) -> list[BudgetRow]:
    """Give the budgets of a workspace: what is nearest to its end first."""
    versions = versions_in_force(workspace_id=workspace_id)
    now = database_now()
    spent = _spent([workspace_id, *(version.workflow_id for version in versions)])
    checks = installation_checks(workspace_id)
    found = list(_windows(checks, "", "", spent.get(workspace_id), now))
    found += _of_runs(workspace_id, versions, checks)
    for version in versions:
        name, slug = version.workflow.name, version.workflow.slug
        rails = version.expanded.get("guardrails") or []
        found += _windows(rails, name, slug, spent.get(version.workflow_id), now)
    return sorted(found, key=lambda row: (-row.percent, row.whose, row.per))


def _spent(scopes: list[UUID]) -> dict[UUID, tuple[float, float]]:
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, [scopes])
        return {scope: (day or 0.0, month or 0.0) for scope, day, month in cursor.fetchall()}


def _rails(checks: Iterable[Mapping[str, JSON]], *per: str) -> list[Mapping[str, JSON]]:
    return [
        check
        for check in checks
        if check.get("check") == "budget"
        and check.get("mode", "on") == "on"
        and (check.get("per") or "run") in per
    ]


def _windows(
    checks: Iterable[Mapping[str, JSON]],
    whose: str,
    slug: str,
    spent: tuple[float, float] | None,
    now: datetime,
) -> Iterable[BudgetRow]:
    day, month = spent or (0.0, 0.0)
    for check in _rails(checks, "day", "month"):
        per: Per = check["per"]
        used = day if per == "day" else month
        share = window_share(per, now)
        yield BudgetRow(
            whose=whose,
            slug=slug,
            per=per,
            usd=float(check["usd"]),
            spent=used,
            asks=check.get("on_trip") == "hold",
            forecast=used / share if share >= EARLY else None,
        )


def _of_runs(
    workspace_id: UUID, versions: Iterable[WorkflowVersion], wide: Iterable[Mapping[str, JSON]]
) -> list[BudgetRow]:
    """Give what each run of a workflow may cost, beside the dearest one that is open."""
    open_runs = Run.objects.filter(workspace=workspace_id, finished_at=None, mode="live")
    costs = dict(open_runs.values_list("workflow").annotate(cost=Max("cost_usd")))
    found = []
    for version in versions:
        limit = (version.expanded.get("limits") or {}).get("budget_usd")
        own = [] if limit is None else [(float(limit), True)]
        checks = [*(version.expanded.get("guardrails") or []), *wide]
        own += [
            (float(check["usd"]), check.get("on_trip") == "hold") for check in _rails(checks, "run")
        ]
        if not own:
            continue
        usd, asks = min(own)
        cost = costs.get(version.workflow_id) or 0.0
        mine = open_runs.filter(workflow=version.workflow_id, cost_usd__gt=0)
        dearest = mine.order_by("-cost_usd").values_list("number", flat=True).first()
        found.append(
            BudgetRow(
                whose=version.workflow.name,
                slug=version.workflow.slug,
                per="run",
                usd=usd,
                spent=cost,
                asks=asks,
                forecast=None,
                dearest=dearest,
            )
        )
    return found
