"""Counting failures of tools and models, and closing what they opened."""

from uuid import UUID

from django.db import connection, transaction

from workflows_app.agents.core.breakers import BreakerRule
from workflows_app.agents.models import Breaker
from workflows_app.errors import NotFound
from workflows_app.models import AppEvent, Workspace
from workflows_app.services.steps_wake import steps_wake

_FAIL = """
INSERT INTO agents_breaker (workspace_id, name, failures, opened_at)
SELECT w.id, %(name)s, 1, CASE WHEN %(most)s <= 1 THEN clock_timestamp() END
FROM workflows_app_workspace w WHERE w.id = %(workspace)s
ON CONFLICT (workspace_id, name) DO UPDATE SET
  failures = agents_breaker.failures + 1, probing_until = NULL,
  opened_at = CASE WHEN agents_breaker.failures + 1 >= %(most)s THEN clock_timestamp() END
RETURNING failures
"""


@transaction.atomic
def breaker_fail(*, workspace_id: UUID, name: str, rule: BreakerRule) -> None:
    """Count one failure; enough of them in a row open the breaker, and so does a failed probe."""
    with connection.cursor() as cursor:
        values: dict[str, str | int | UUID] = {
            "name": name,
            "most": rule.failures,
            "workspace": workspace_id,
        }
        cursor.execute(_FAIL, values)
        row = cursor.fetchone()
    if row is not None and row[0] == rule.failures:
        AppEvent.objects.create(
            workspace_id=workspace_id,
            type="breaker.opened",
            object=name,
            actor="engine",
            why=f"{rule.failures} failures in a row",
        )


def breaker_reset(*, workspace_id: UUID, name: str) -> None:
    """The call went well: the count starts over, and what was open is closed."""
    Breaker.objects.filter(workspace=workspace_id, name=name).update(
        failures=0, opened_at=None, probing_until=None
    )


def breaker_close(*, workspace: Workspace, name: str, actor: str, reason: str = "") -> None:
    """Close a breaker by hand; what waits for it goes on at once.

    Args:
        name: `tool:NAME`, `model:ROLE` or `worker:NAME`.

    Raises:
        NotFound: nothing of that name ever failed here.
    """
    with transaction.atomic():
        found = Breaker.objects.filter(workspace=workspace, name=name).update(
            failures=0, opened_at=None, probing_until=None
        )
        if not found:
            raise NotFound(f"there is no breaker {name}")
        AppEvent.objects.create(
            workspace=workspace, type="breaker.closed", object=name, actor=actor, why=reason
        )
        steps_wake(workspace_id=workspace.pk, reason="breaker")
