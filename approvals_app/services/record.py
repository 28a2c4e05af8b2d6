"""What every service here does alike: lock, read the clock, tell the engine, write history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from approvals_app.core.states import ApprovalState, Trigger, next_state
from approvals_app.models import ApprovalRequest
from workflows_app import notify
from workflows_app.core.facts import Decided, fact_dump
from workflows_app.errors import Forbidden, NotFound
from workflows_app.models import Member, Scope, Timer, User
from workflows_app.selectors.people import Actor, Principal, workspace_ids_of
from workflows_app.services.history import events_append
from workflows_app.services.inbox import inbox_post

JSON = Any
ANSWERED = (  # what an answer may change of a request
    "action",
    "digest",
    "round",
    "state",
    "next_due_at",
    "decided_by",
    "decided_at",
    "effective_at",
    "closed_at",
)
DISPATCH = "dispatch"  # the timer that carries a decision which can still be undone


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A request under its scope's lock, and the database's time after the lock was won."""

    request: ApprovalRequest
    now: datetime


def database_now() -> datetime:
    """Give the database's clock, not the start of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def request_hold(*, approval_id: UUID, workspaces: Iterable[UUID]) -> Held:
    """Lock the scope, then the request.

    Raises:
        NotFound: there is none in these workspaces.
    """
    scope_id = (
        ApprovalRequest.objects.filter(pk=approval_id, workspace_id__in=list(workspaces))
        .values_list("scope_id", flat=True)
        .first()
    )
    if scope_id is None:
        raise NotFound("There is no such approval request.")
    scope_lock(scope_id)
    return Held(request=request_lock(approval_id), now=database_now())


def request_lock(approval_id: UUID) -> ApprovalRequest:
    """Lock a request's row; its scope is locked already.

    Not its key: who has seen it, or said something about it, refers to it as they commit, when
    they hold the run's row, which comes after this one.
    """
    return ApprovalRequest.objects.select_for_update(no_key=True).get(pk=approval_id)


def scope_lock(scope_id: UUID, *, skip_locked: bool = False) -> bool:
    """Lock a scope's row; with `skip_locked`, say False where somebody else holds it."""
    rows = Scope.objects.select_for_update(no_key=True, skip_locked=skip_locked)
    return bool(rows.filter(pk=scope_id).values_list("pk", flat=True))


def person_of(actor: Actor) -> User:
    """Give the person who acts: never a service, whose token could be a workflow's own.

    Raises:
        Forbidden: no person.
    """
    if isinstance(actor, Principal):
        if actor.user is None:
            raise Forbidden("Only a person decides, never a service.", code="not_a_person")
        return actor.user
    return actor


def decider_of(actor: Actor, approval_id: UUID) -> User:
    """Give the person who answers a request; that something else tried is recorded.

    Raises:
        Forbidden: no person.
    """
    try:
        return person_of(actor)
    except Forbidden as error:
        if isinstance(actor, Principal):
            attempt_refused(approval_id=approval_id, actor=actor, error=error)
        raise


@transaction.atomic
def attempt_refused(*, approval_id: UUID, actor: Principal, error: Forbidden) -> None:
    """Write into the record that something which is no person tried to answer a request.

    Of a request that it may not know of nothing is said.
    """
    visible = ApprovalRequest.objects.filter(workspace_id__in=actor.workspace_ids)
    request = visible.filter(pk=approval_id).first()
    if request is not None:
        data = {"code": error.code, "via": "token"}
        found = event(request, "refused", actor=actor.actor, why=error.message, data=data)
        history_write(request.run_id, [found])


def spaces_of(actor: Actor) -> frozenset[UUID]:
    """Give the workspaces in which `actor` may act."""
    return workspace_ids_of(actor)


def is_member(user: User, workspace_id: UUID) -> bool:
    """Tell whether a person is an active member now."""
    members = Member.objects.filter(user=user, workspace_id=workspace_id, is_active=True)
    return user.is_active and members.exists()


def move(request: ApprovalRequest, trigger: Trigger) -> tuple[str, str]:
    """Change the state in memory by the table; give the old and the new one."""
    source = ApprovalState(request.state)
    target = next_state(source, trigger)
    request.state = target.value
    return source.value, target.value


def event(
    request: ApprovalRequest,
    name: str,
    *,
    actor: str,
    states: tuple[str, str] | None = None,
    trigger: str = "",
    why: str = "",
    data: dict[str, JSON] | None = None,
) -> dict[str, JSON]:
    """Give a history event about a request; its data always names the request.

    Args:
        name: what comes after `approval.` in its type.
    """
    source, target = states or (request.state, request.state)
    return {
        "type": f"approval.{name}",
        "path": request.path,
        "generation": request.generation,
        "from_state": source,
        "to_state": target,
        "trigger": trigger or name,
        "actor": actor,
        "why": why,
        "data": {"approval": str(request.pk), "number": request.number, **(data or {})},
    }


def history_write(run_id: UUID, events: Sequence[dict[str, JSON]]) -> None:
    """Append history events: the last thing in a transaction, for it takes the run's row."""
    events_append({run_id: list(events)})


def engine_tell(
    request: ApprovalRequest, fact: Decided, *, effective_at: datetime, now: datetime
) -> None:
    """Leave a decision for the step's scope: at once, or by a timer that an undo can take away."""
    row = fact_dump(fact)
    if effective_at > now:
        Timer.objects.create(
            run_id=request.run_id,
            scope_id=request.scope_id,
            step_run_id=request.step_run_id,
            name=DISPATCH,
            due_at=effective_at,
            fact=row,
        )
        return
    inbox_post(run_id=request.run_id, scope_id=request.scope_id, fact=row)
    nudge(request)


def nudge(request: ApprovalRequest) -> None:
    """Wake a worker for the scope once this transaction is in."""
    notify.scope_touched(request.scope_id, request.run_id)


def dispatch_take_back(step_run_ids: Iterable[UUID]) -> set[UUID]:
    """Remove the timers of decisions that are not in force yet; give whose there were.

    Whoever removes the row wins: the clock that fires it, an undo, or a cancel.
    """
    rows = Timer.objects.filter(step_run_id__in=list(step_run_ids), name=DISPATCH)
    locked = list(rows.select_for_update().values_list("pk", "step_run_id"))
    Timer.objects.filter(pk__in=[pk for pk, _ in locked]).delete()
    return {step_run for _, step_run in locked}


def dispatch_move(step_run_id: UUID, *, due_at: datetime, now: datetime) -> bool:
    """Set when a decision takes effect; False where it has, or is about to.

    A timer that is due belongs to the clock: whoever fires it may have locked it already.
    """
    rows = Timer.objects.filter(step_run_id=step_run_id, name=DISPATCH, due_at__gt=now)
    return rows.update(due_at=due_at) == 1
