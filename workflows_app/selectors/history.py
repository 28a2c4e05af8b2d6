"""The record of runs, and of what changed outside them."""

from typing import Any

from django.db.models import QuerySet

from workflows_app.models import Run, RunEvent


def event_list(
    *, run: Run, after: int = 0, path: str | None = None, what: str | None = None
) -> QuerySet[RunEvent]:
    """Give the history of a run in order.

    Args:
        run: one that the asker may see, from `run_get`.
        after: leave out what is numbered up to this.
        path: only the events of that step run.
        what: only events of that type.
    """
    events = RunEvent.objects.filter(run_id=run.pk, sequence__gt=after).order_by("sequence")
    if path is not None:
        events = events.filter(path=path)
    return events.filter(type=what) if what else events


def event_shape(event: RunEvent) -> dict[str, Any]:
    """Give a history event as `{sequence, at, type, path, ...}`."""
    return {
        "sequence": event.sequence,
        "at": event.at,
        "type": event.type,
        "path": event.path,
        "generation": event.generation,
        "from": event.from_state or None,
        "to": event.to_state or None,
        "trigger": event.trigger or None,
        "actor": event.actor,
        "why": event.why,
        "data": event.data,
    }
