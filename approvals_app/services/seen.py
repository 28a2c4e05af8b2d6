"""Note that somebody has opened a request."""

from uuid import UUID

from django.db import transaction

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, SeenMark
from approvals_app.selectors.requests import approval_get
from approvals_app.services import record
from workflows_app.selectors.people import Actor


@transaction.atomic
def approval_see(*, approval_id: UUID, actor: Actor) -> ApprovalRequest:
    """Mark a request as seen now; the first time of each person goes into the history."""
    person = record.person_of(actor)
    request = approval_get(approval_id=approval_id, actor=actor)
    now = record.database_now()
    _, is_new = SeenMark.objects.update_or_create(
        request=request, person=person, defaults={"at": now}
    )
    if is_new and request.state == ApprovalState.PENDING.value:
        event = record.event(request, "seen", actor=f"user:{person.username}")
        record.history_write(request.run_id, [event])
    return request
