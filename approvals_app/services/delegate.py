"""Hand one's seat to somebody else, who then answers instead."""

from uuid import UUID

from django.db import transaction

from approvals_app.core.policy import Refusal, seat_for
from approvals_app.core.policy import Vote as Counted
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, Delegation
from approvals_app.selectors.people import Directory, gate_of, votes_counted
from approvals_app.services import record
from approvals_app.services.announce import announce, own_act
from workflows_app.errors import Conflict, Forbidden, IllegalState, Invalid
from workflows_app.models import User
from workflows_app.selectors.people import Actor


@transaction.atomic
def approval_delegate(
    *, approval_id: UUID, actor: Actor, to: str, reason: str = ""
) -> ApprovalRequest:
    """Hand the actor's seat to `user:NAME` or `group:NAME`.

    The delegate votes instead of the person, not beside: the first of the two to answer uses
    the seat. Handing it to the same name again changes nothing.

    Raises:
        NotFound, Forbidden: no such request, or the actor holds no seat in it.
        Conflict: it is decided, or the seat is used.
        Invalid: nobody who could answer stands behind `to`.
    """
    person = record.person_of(actor)
    held = record.request_hold(approval_id=approval_id, workspaces=record.spaces_of(actor))
    request = held.request
    seat = _seat(request, person)
    if request.state != ApprovalState.PENDING.value:
        raise IllegalState("This request is not open any more.", allowed=[], state=request.state)
    _check_delegate(request, person, to)
    _, is_new = Delegation.objects.get_or_create(
        request=request, seat_id=seat, to=to, defaults={"at": held.now}
    )
    if is_new:
        own_act(request, person)
        ApprovalRequest.objects.filter(pk=request.pk).update(is_told=False)
        announce([(request, "approval.requested", {"delegated": to})])
        event = record.event(
            request,
            "delegated",
            actor=f"user:{person.username}",
            why=reason,
            data={"to": to, "seat": f"user:{User.objects.get(pk=seat).username}"},
        )
        record.history_write(request.run_id, [event])
    return request


def _seat(request: ApprovalRequest, person: User) -> int:
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    seat = seat_for(gate_of(request), person.pk, votes)
    if seat is Refusal.ANSWERED:
        raise Conflict("You have answered, or somebody has for you.", code="already_answered")
    if isinstance(seat, Refusal):
        raise Forbidden("You hold no seat in this request to hand on.", code=seat.value)
    return seat


def _check_delegate(request: ApprovalRequest, person: User, to: str) -> None:
    if not to.startswith(("user:", "group:")):
        raise _invalid("unknown_name", "A delegate is user:NAME or group:NAME.")
    people = Directory(request.workspace_id).people([to])
    if not people:
        raise _invalid("unknown_name", f"Nobody in this workspace is {to}.")
    if people == {person.pk}:
        raise _invalid("oneself", "That is you.")
    if request.mode != "rehearsal" and not people - set(request.requesters):
        raise Forbidden(f"{to} asked for this and cannot decide it.", code="requester")


def _invalid(code: str, message: str) -> Invalid:
    return Invalid(message, problems=[{"code": code, "pointer": "/to", "message": message}])
