"""Which tools and models are being left alone."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models.functions import Now

from workflows_app.agents.core.breakers import BreakerRule, BreakerState, breaker_state
from workflows_app.agents.models import Breaker


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
