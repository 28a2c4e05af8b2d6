"""Events, as one who asks may see them."""

from django.db.models import Exists, OuterRef, QuerySet

from workflows_app.errors import NotFound
from workflows_app.models import Event, EventUse
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


def event_get(*, actor: Actor, pk: int) -> Event:
    """Give one event.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = Event.objects.filter(pk=pk, workspace_id__in=workspace_ids_of(actor)).first()
    if found is None:
        raise NotFound("There is no such event.")
    return found
