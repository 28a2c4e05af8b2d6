"""Events, as one who asks may see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet

from workflows_app.errors import NotFound
from workflows_app.models import Event, EventUse, StepRun
from workflows_app.selectors.people import Actor, workspace_ids_of


def event_list(*, actor: Actor, type: str = "", unmatched: bool = False) -> QuerySet[Event]:
    """Give the events that `actor` may see, newest first, with the runs that used them.

    Args:
        type: only types that contain this text.
        unmatched: only those that no run used.
    """
    events = Event.objects.filter(workspace_id__in=workspace_ids_of(actor))
    events = events.annotate(is_used=Exists(EventUse.objects.filter(event=OuterRef("pk"))))
    if type:
        events = events.filter(type__icontains=type)
    if unmatched:
        events = events.filter(is_used=False)
    return events.prefetch_related("uses__run").order_by("-pk")


def latencies(events: Sequence[Event]) -> dict[int, timedelta]:
    """Give for each event how long after it came the first run began, or went on, by it."""
    uses = [(use, event) for event in events for use in event.uses.all()]
    paths = {(use.run_id, use.path) for use, _ in uses if use.path}
    steps = StepRun.objects.filter(
        run__in={run for run, _ in paths}, path__in={path for _, path in paths}
    )
    ended: dict[tuple[UUID, str], datetime] = {}
    for run, path, finished_at in steps.values_list("run", "path", "finished_at"):
        if finished_at is not None:
            ended[run, path] = min(finished_at, ended.get((run, path), finished_at))
    found: dict[int, timedelta] = {}
    for use, event in uses:
        at = ended.get((use.run_id, use.path)) if use.path else use.run.started_at
        if at is not None and at >= event.received_at:
            took = at - event.received_at
            found[event.pk] = min(took, found.get(event.pk, took))
    return found


def event_get(*, actor: Actor, pk: int) -> Event:
    """Give one event.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = Event.objects.filter(pk=pk, workspace_id__in=workspace_ids_of(actor)).first()
    if found is None:
        raise NotFound("There is no such event.")
    return found
