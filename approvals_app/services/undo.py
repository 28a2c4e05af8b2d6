"""Take a decision back before it takes effect."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from approvals_app.core.states import DECIDED, ApprovalState, Trigger
from approvals_app.models import ApprovalRequest, Edit, UndoneVote
from approvals_app.services import record
from approvals_app.services.announce import announce
from approvals_app.services.expire import schedule_of
from workflows_app.errors import Forbidden, IllegalState, Invalid
from workflows_app.models import User
from workflows_app.selectors.people import Actor

UNDO_SECONDS = 8  # of a page, where a person prefers nothing else
UNDO_SECONDS_MOST = 60


def undo_window(person: User, via: str, undo_seconds: int | None) -> timedelta:
    """Give the undo window that was asked for, before the risk has its say.

    Raises:
        Invalid: longer than a minute, or no number.
    """
    if undo_seconds is None:
        wished = person.preferences.get("undo_seconds", UNDO_SECONDS) if via != "token" else 0
    else:
        wished = undo_seconds
    if not isinstance(wished, int | float) or not 0 <= wished <= UNDO_SECONDS_MOST:
        message = f"undo_seconds is a number from 0 to {UNDO_SECONDS_MOST}."
        problem = {"code": "out_of_range", "pointer": "/undo_seconds", "message": message}
        raise Invalid(message, problems=[problem])
    return timedelta(seconds=wished)


@transaction.atomic
def approval_hold(*, approval_id: UUID, actor: Actor, holds: bool) -> ApprovalRequest:
    """Let a decision wait while its person still looks at it, or go on once they do not.

    It waits for a minute after the decision at most, and what is in force already stays so.

    Raises:
        NotFound, Forbidden: no such request, or somebody else decided it.
        IllegalState: it is pending, or its decision is in force.
    """
    person = record.person_of(actor)
    held = record.request_hold(approval_id=approval_id, workspaces=record.spaces_of(actor))
    request, now = held.request, held.now
    _own_decision(request, person)
    latest: datetime = (request.decided_at or now) + timedelta(seconds=UNDO_SECONDS_MOST)
    wished = latest if holds else min(latest, now + undo_window(person, "page", None))
    if not record.dispatch_move(request.step_run_id, due_at=wished, now=now):
        raise IllegalState("The decision is in force already.", allowed=[], state=request.state)
    request.effective_at = wished
    request.save(update_fields=["effective_at"])
    return request


def _own_decision(request: ApprovalRequest, person: User) -> None:
    if ApprovalState(request.state) not in DECIDED:
        raise IllegalState("There is no decision to take back.", allowed=[], state=request.state)
    if request.decided_by_id != person.pk:
        raise Forbidden("Only whoever decided this can take it back.", code="not_the_decider")


@transaction.atomic
def approval_undo(*, approval_id: UUID, actor: Actor, via: str) -> ApprovalRequest:
    """Put a request back to pending, by a new record; what was recorded stays.

    Only whoever settled it may. Other people's votes of the round still count; an edit is
    taken back with the vote that brought it.

    Raises:
        NotFound, Forbidden: no such request, or somebody else decided it.
        IllegalState: it is pending, or its decision is in force.
    """
    person = record.person_of(actor)
    held = record.request_hold(approval_id=approval_id, workspaces=record.spaces_of(actor))
    request = held.request
    _own_decision(request, person)
    # The clock is read once the timer's row is ours: who fires it locked it before, and later
    # than it was due, so one of the two conditions tells.
    was_waiting = record.dispatch_take_back([request.step_run_id])
    now = record.database_now()
    if not was_waiting or request.effective_at is None or now >= request.effective_at:
        raise IllegalState("The decision is in force already.", allowed=[], state=request.state)
    vote = request.votes.filter(is_decisive=True, undone__isnull=True).latest("pk")
    UndoneVote.objects.create(vote=vote, at=now)
    edit = Edit.objects.filter(vote=vote).first()
    if edit is not None:
        request.action, request.digest = edit.before, edit.digest_before
        request.round += 1
    states = record.move(request, Trigger.UNDO)
    request.decided_by = request.decided_at = request.effective_at = request.closed_at = None
    request.next_due_at = schedule_of(request).due_at(request.climbed)
    request.save()
    announce([(request, "approval.requested", {"undone": True})])
    record.history_write(
        request.run_id,
        [
            record.event(
                request,
                "undone",
                actor=f"user:{person.username}",
                states=states,
                data={"decision": vote.decision, "via": via, "digest": request.digest},
            )
        ],
    )
    return request
