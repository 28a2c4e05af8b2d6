"""Where the steps of a run stand when a socket connects."""

from uuid import UUID

from django.utils import timezone

from workflows_app.live.reading import SNAPSHOT, step_frame
from workflows_app.models import RunEvent, StepRun


def run_steps(run_id: UUID, after: int | None) -> list[list[object]]:
    """Give `[path, state, ms]` of the current steps, or of those changed after a sequence."""
    steps = StepRun.objects.filter(run_id=run_id, is_current=True)
    if after is not None:
        changed = RunEvent.objects.filter(run_id=run_id, sequence__gt=after).exclude(path="")
        steps = steps.filter(path__in=changed.values("path"))
    rows = steps.order_by("pk").values_list("path", "state", "started_at", "finished_at")
    now = timezone.now()
    return [list(step_frame(*row, now)) for row in rows[:SNAPSHOT]]
