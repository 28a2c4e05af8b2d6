"""Which tools and models are being left alone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.db.models.functions import Now

from workflows_app.agents.core.breakers import BreakerRule, BreakerState, breaker_state
from workflows_app.agents.core.tool_spec import ToolSpec
from workflows_app.agents.models import Breaker
from workflows_app.agents.selectors.tools import tool_specs
from workflows_app.models import StepRun


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerShown:
    """How a breaker stood at `now`; without a row nothing has failed."""

    failures: int = 0
    opened_at: datetime | None = None
    now: datetime | None = None

    def state(self, rule: BreakerRule) -> BreakerState:
        if self.now is None:
            return "closed"
        return breaker_state(self.opened_at, rule.open_for, self.now)


NEVER_FAILED = BreakerShown()


def tool_breakers(*, workspace_id: UUID) -> dict[str, BreakerShown]:
    """Give the breakers of a workspace's tools by the tool's name."""
    rows = Breaker.objects.filter(workspace=workspace_id, name__startswith="tool:")
    return {
        row.name.removeprefix("tool:"): BreakerShown(
            failures=row.failures, opened_at=row.opened_at, now=row.now
        )
        for row in rows.annotate(now=Now())
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRow:
    """One breaker as it stands now; `waiting` counts the steps that wait for it."""

    name: str
    state: BreakerState
    failures: int
    limit: int
    opened_at: datetime | None
    until: datetime | None  # from then on one probe goes
    waiting: int

    @property
    def kind(self) -> str:
        return self.name.partition(":")[0]

    @property
    def label(self) -> str:
        return self.name.partition(":")[2]


def breaker_rows(*, workspace_id: UUID) -> list[BreakerRow]:
    """Give what has failed lately in a workspace: what is open first, then by name."""
    specs: dict[str, ToolSpec] = dict(tool_specs(workspace_id=workspace_id))
    rules = {f"tool:{name}": spec.breaker for name, spec in specs.items()}
    waiting = _waiting(workspace_id)
    found = []
    for row in Breaker.objects.filter(workspace=workspace_id).annotate(now=Now()):
        rule = rules.get(row.name, BreakerRule())
        shown = BreakerRow(
            name=row.name,
            state=breaker_state(row.opened_at, rule.open_for, row.now),
            failures=row.failures,
            limit=rule.failures,
            opened_at=row.opened_at,
            until=row.opened_at + rule.open_for if row.opened_at else None,
            waiting=waiting.get(row.name, 0),
        )
        found.append(shown)
    return sorted(found, key=lambda one: (one.state == "closed", one.name))


def _waiting(workspace_id: UUID) -> dict[str, int]:
    steps = StepRun.objects.filter(
        state="waiting", reason="breaker", is_current=True, run__workspace_id=workspace_id
    )
    counts: dict[str, int] = {}
    for waiting, count in steps.values_list("waiting").annotate(count=Count("pk")):
        name = (waiting or {}).get("breaker") or ""
        counts[name] = counts.get(name, 0) + count
    return counts
