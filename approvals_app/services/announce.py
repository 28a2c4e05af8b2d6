"""Tell subscribed addresses outside what became of requests: how chat learns of them.

An announcement is an event for subscriptions only: it starts no workflow and resumes none. It
is written in the transaction of the change, and sent like every webhook out, signed.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from approvals_app.models import ApprovalRequest, Notice
from approvals_app.selectors.people import Directory
from approvals_app.selectors.tell import page_address, people_to_tell, plain_text
from workflows_app.core.events import type_fits
from workflows_app.identifiers import uuid7
from workflows_app.models import Delivery, Event, User, WebhookSubscription
from workflows_app.services.clock import database_now

JSON = Any
SOURCE = "countersign/approvals"
TYPES = ("approval.requested", "approval.escalated", "approval.decided", "approval.expired")
type Announcement = tuple[ApprovalRequest, str, dict[str, JSON]]  # request, type, further data


def announce(found: Sequence[Announcement]) -> int:
    """Plan deliveries of announcements to whoever subscribed; give how many. Rehearsals are silent.

    The subject is the request's reference, the same in all that is said about it, so that a chat
    can keep one message for each request and change it.
    """
    live = [one for one in found if one[0].mode == "live"]
    spaces = {request.workspace_id for request, _, _ in live}
    subscribed = (
        list(WebhookSubscription.objects.filter(workspace_id__in=spaces, is_active=True))
        if live
        else []
    )
    planned: list[tuple[Event, list[WebhookSubscription]]] = []
    directories: dict[UUID, Directory] = {}
    for request, kind, data in live:
        wanted = [
            one
            for one in subscribed
            if one.workspace_id == request.workspace_id and type_fits(one.event, kind)
        ]
        if wanted:
            known = directories.setdefault(request.workspace_id, Directory(request.workspace_id))
            planned.append((_event(request, kind, data, known), wanted))
    if not planned:
        return 0
    Event.objects.bulk_create([event for event, _ in planned])
    Delivery.objects.bulk_create(
        [Delivery(subscription=one, event=event) for event, wanted in planned for one in wanted]
    )
    return len(planned)


def _event(
    request: ApprovalRequest, type: str, data: dict[str, JSON], directory: Directory
) -> Event:
    now = database_now()
    people = people_to_tell(request, directory, "chat") if request.state == "pending" else []
    return Event(
        workspace_id=request.workspace_id,
        source=SOURCE,
        event_id=str(uuid7()),
        type=type,
        subject=request.reference,
        time=now,
        received_at=now,
        via="approvals",
        actor="engine",
        data={
            "id": str(request.pk),
            "number": request.number,
            "summary": plain_text(request.summary)[:500],
            "risk": request.risk,
            "state": request.state,
            "url": page_address(request),
            "deadline": request.deadline_at.isoformat().replace("+00:00", "Z"),
            "assignees": request.present,
            "to": [f"user:{person.username}" for person in people],
            **data,
        },
    )


def own_act(request: ApprovalRequest, person: User) -> None:
    """Note that a person needs no message about a request: what follows is their own act."""
    now = database_now()
    Notice.objects.get_or_create(
        request=request, person=person, defaults={"send_at": now, "sent_at": now}
    )
