"""Figures of many workflows at once, for their list: how long, and what waits for people."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Count

from workflows_app.core.states import StepState, WaitReason
from workflows_app.models import StepRun

RUNS_LOOKED_AT = 200  # of each workflow, the newest that ended
ASKING = (
    WaitReason.APPROVAL.value,
    WaitReason.REVIEW.value,
    WaitReason.CHECKPOINT.value,
    WaitReason.BUDGET.value,
)
_P95 = """
SELECT w.id, percentile_disc(0.95) WITHIN GROUP (ORDER BY r.finished_at - r.started_at)
FROM unnest(%s::uuid[]) AS w(id)
CROSS JOIN LATERAL (
  SELECT started_at, finished_at FROM workflows_app_run
  WHERE workflow_id = w.id AND finished_at IS NOT NULL AND started_at IS NOT NULL
    AND parent_id IS NULL
  ORDER BY number DESC LIMIT %s
) AS r
GROUP BY w.id
"""


def p95_of(workflow_ids: Sequence[UUID]) -> dict[UUID, timedelta]:
    """Give for each workflow the time within which 95 of 100 of its last runs ended."""
    if not workflow_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_P95, [list(workflow_ids), RUNS_LOOKED_AT])
        return dict(cursor.fetchall())


def asking_of(workflow_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Give for each workflow how many steps of its open runs wait for a person's answer."""
    rows = (
        StepRun.objects.filter(
            run__workflow_id__in=workflow_ids,
            run__finished_at__isnull=True,
            state=StepState.WAITING.value,
            reason__in=ASKING,
            is_current=True,
        )
        .values_list("run__workflow_id")
        .annotate(count=Count("pk"))
    )
    return dict(rows)
