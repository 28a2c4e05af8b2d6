"""Ending waits early that are only for a time."""

from uuid import UUID

from django.db.models.functions import Now

from workflows_app.models import Timer


def steps_wake(*, workspace_id: UUID, reason: str) -> int:
    """Make the waits of a workspace's open steps for `reason` due; the sweeper resumes them.

    Each looks again for itself whether it may go on.
    """
    return Timer.objects.filter(
        name="wait",
        run__workspace=workspace_id,
        step_run__state="waiting",
        step_run__reason=reason,
    ).update(due_at=Now())
