"""Pass a request up by hand: "not sure" is a good answer too."""

from uuid import UUID

from django.db import transaction

from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory, gate_of, user_names
from approvals_app.services import record
from approvals_app.services.announce import own_act
from approvals_app.services.expire import people_ask, rung_climb, schedule_of
from workflows_app.errors import Forbidden, IllegalState, Invalid
from workflows_app.models import User
from workflows_app.selectors.people import Actor


@transaction.atomic
def approval_escalate(*, approval_id: UUID, actor: Actor, reason: str) -> ApprovalRequest:
    """Ask the next rung of the ladder now; past its end, the workspace's admins.

    Raises:
        NotFound, Forbidden: no such request, or the actor was not asked.
        IllegalState: it is decided, or there is nobody further up.
        Invalid: no reason.
    """
    person = record.person_of(actor)
    held = record.request_hold(approval_id=approval_id, workspaces=record.spaces_of(actor))
    request = held.request
    if person.pk not in gate_of(request).voters:
        code = "requester" if person.pk in request.requesters else "stranger"
        raise Forbidden("Only somebody who was asked can pass this up.", code=code)
    if request.state != ApprovalState.PENDING.value:
        raise IllegalState("This request is not open any more.", allowed=[], state=request.state)
    if not reason.strip():
        message = "Say why this should be decided further up."
        problem = {"code": "reason_missing", "pointer": "/reason", "message": message}
        raise Invalid(message, problems=[problem])
    own_act(request, person)
    event = _ask_up(request, person, reason.strip())
    record.history_write(request.run_id, [event])
    return request


def _ask_up(request: ApprovalRequest, person: User, reason: str) -> dict[str, object]:
    schedule = schedule_of(request)
    actor = f"user:{person.username}"
    if request.climbed < len(schedule.rungs):
        return rung_climb(request, schedule, actor=actor, why=reason)
    admins = _admins(request)
    if not admins:
        raise IllegalState("There is nobody further up who could decide.", allowed=[])
    return people_ask(request, schedule, admins, actor=actor, why=reason)


def _admins(request: ApprovalRequest) -> tuple[str, ...]:
    """Give the admins who were not asked yet and may decide, by name."""
    directory = Directory(request.workspace_id)
    able = directory.people(["role:admin"]) - directory.people(request.assignees)
    if request.mode != "rehearsal":
        able -= set(request.requesters)
    return tuple(sorted(f"user:{name}" for name in user_names(able).values()))
