"""Say something about a request, and look away from it for a while."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, Comment, Snooze
from approvals_app.selectors.requests import approval_get, approval_list
from approvals_app.services import record
from workflows_app.errors import Forbidden, IllegalState, Invalid
from workflows_app.selectors.people import Actor

TEXT_MOST = 10_000


@transaction.atomic
def approval_comment(*, approval_id: UUID, actor: Actor, text: str) -> Comment:
    """Record what a person says about a request, before or after its end.

    Raises:
        NotFound: there is none that the actor may see.
        Invalid: nothing was said, or too much.
    """
    person = record.person_of(actor)
    request = approval_get(approval_id=approval_id, actor=actor)
    said = text.strip()
    if not said or len(said) > TEXT_MOST:
        message = f"A comment has 1 to {TEXT_MOST:,} characters."
        problem = {"code": "out_of_range", "pointer": "/text", "message": message}
        raise Invalid(message, problems=[problem])
    comment = Comment.objects.create(
        request=request, person=person, text=said, at=record.database_now()
    )
    event = record.event(
        request, "commented", actor=f"user:{person.username}", data={"comment": comment.pk}
    )
    record.history_write(request.run_id, [event])
    return comment


@transaction.atomic
def approval_snooze(*, approval_id: UUID, actor: Actor, minutes: int) -> ApprovalRequest:
    """Keep a request out of the actor's own queue for a while; its clock runs on.

    Raises:
        NotFound, Forbidden: no such request, or it does not wait for the actor.
        IllegalState: it is not open any more.
        Invalid: the time is not positive, or reaches the deadline.
    """
    person = record.person_of(actor)
    request = approval_get(approval_id=approval_id, actor=actor)
    if request.state != ApprovalState.PENDING.value:
        raise IllegalState("This request is not open any more.", allowed=[], state=request.state)
    if not approval_list(actor=actor, mine=True).filter(pk=request.pk).exists():
        raise Forbidden("This does not wait for you.", code="stranger")
    until = record.database_now() + timedelta(minutes=minutes)
    if minutes <= 0 or until >= request.deadline_at:
        message = "That is not before the deadline."
        problem = {"code": "out_of_range", "pointer": "/minutes", "message": message}
        raise Invalid(message, problems=[problem])
    Snooze.objects.update_or_create(request=request, person=person, defaults={"until": until})
    return request
