"""Who answers while somebody is away, and handing on what waits for them."""

from datetime import datetime, timedelta

from django.db import transaction

from approvals_app.core.policy import Vote as Counted
from approvals_app.core.policy import seat_for
from approvals_app.core.states import ApprovalState
from approvals_app.models import ApprovalRequest, Cover, Delegation
from approvals_app.selectors.people import Directory, gate_of, names_of, votes_counted
from approvals_app.services import record
from workflows_app.errors import Conflict, Forbidden, Invalid, NotFound
from workflows_app.models import Member, User, Workflow, Workspace
from workflows_app.selectors.people import Actor, Principal, principal_of_user
from workflows_app.services.history import app_event_record

LONGEST = timedelta(days=366)
AT_ONCE = 200


@transaction.atomic
def cover_create(
    *,
    actor: User,
    workspace: Workspace,
    delegate: str,
    starts_at: datetime,
    ends_at: datetime,
    person: str = "",
    workflow: str = "",
    includes_critical: bool = False,
) -> Cover:
    """Let `delegate` answer in the place of `person`, by default of the actor.

    Raises:
        Forbidden: for somebody else, by no admin.
        Invalid: the dates, the people or the workflow do not fit.
    """
    seat = member_get(workspace, person) if person else actor
    if seat != actor:
        principal_of_user(actor).require("admin", workspace.pk)
    stand_in = member_get(workspace, delegate)
    if stand_in == seat:
        raise _invalid("oneself", "/delegate", "Nobody covers for themselves.")
    if not starts_at < ends_at <= starts_at + LONGEST:
        raise _invalid("out_of_range", "/ends_at", "The end comes after the start, within a year.")
    if ends_at <= record.database_now():
        raise _invalid("out_of_range", "/ends_at", "That is over already.")
    only = Workflow.objects.filter(workspace=workspace, slug=workflow).first() if workflow else None
    if workflow and only is None:
        raise _invalid("unknown_name", "/workflow", f"There is no workflow {workflow}.")
    cover = Cover.objects.create(
        workspace=workspace,
        seat=seat,
        delegate=stand_in,
        workflow=only,
        starts_at=starts_at,
        ends_at=ends_at,
        includes_critical=includes_critical,
    )
    data = {
        "delegate": f"user:{stand_in.username}",
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "workflow": only.slug if only else None,
        "includes_critical": includes_critical,
    }
    _note(workspace, "cover.created", seat, actor, data)
    return cover


@transaction.atomic
def cover_end(*, actor: Actor, cover_id: int) -> Cover:
    """Call a cover off from now on: by whoever is covered, or an admin.

    Raises:
        NotFound, Forbidden: no such cover, or it is somebody else's.
        Conflict: it was called off already.
    """
    person, spaces = record.person_of(actor), record.spaces_of(actor)
    covers = Cover.objects.select_for_update(of=("self",)).select_related("seat", "workspace")
    cover = covers.filter(pk=cover_id, workspace_id__in=spaces).first()
    if cover is None:
        raise NotFound("There is no such cover.")
    if cover.seat_id != person.pk:
        rights = actor if isinstance(actor, Principal) else principal_of_user(actor)
        rights.require("admin", cover.workspace_id)
    if cover.ended_at is not None:
        raise Conflict("It was called off already.", code="ended")
    cover.ended_at = record.database_now()
    cover.save(update_fields=["ended_at"])
    _note(cover.workspace, "cover.ended", cover.seat, person, {"cover": cover.pk})
    return cover


def approvals_reassign(
    *, actor: User, workspace: Workspace, person: str, to: str, reason: str
) -> int:
    """Hand a person's open seats to another person; give how many.

    Raises:
        Forbidden: by no admin, or to the admin's own hands.
        Invalid: no such people.
    """
    principal_of_user(actor).require("admin", workspace.pk)
    seat, stand_in = member_get(workspace, person), member_get(workspace, to)
    if stand_in == actor:
        raise Forbidden("Nobody hands other people's items to themselves.", code="oneself")
    if stand_in == seat:
        raise _invalid("oneself", "/to", "That is the same person.")
    names = sorted(names_of(seat, workspace_id=workspace.pk))
    waiting = ApprovalRequest.objects.filter(
        workspace=workspace, state=ApprovalState.PENDING.value, assignees__overlap=names
    )
    found = list(waiting.order_by("next_due_at").values_list("pk", flat=True)[:AT_ONCE])
    return sum(_hand_on(pk, workspace, actor, seat, stand_in, reason) for pk in found)


@transaction.atomic
def _hand_on(
    pk: object, workspace: Workspace, actor: User, seat: User, to: User, reason: str
) -> bool:
    request = record.request_hold(approval_id=pk, workspaces=[workspace.pk]).request  # type: ignore[arg-type]
    gate = gate_of(request, Directory(workspace.pk))
    votes = [Counted(person=v.person_id, seat=v.seat_id) for v in votes_counted(request)]
    is_free = seat.pk in gate.seats and seat_for(gate, seat.pk, votes) == seat.pk
    is_barred = request.mode == "live" and to.pk in request.requesters
    if request.state != ApprovalState.PENDING.value or not is_free or is_barred:
        return False
    name = f"user:{to.username}"
    _, is_new = Delegation.objects.get_or_create(
        request=request, seat=seat, to=name, defaults={"at": record.database_now()}
    )
    if is_new:
        ApprovalRequest.objects.filter(pk=request.pk).update(is_told=False)
        event = record.event(
            request,
            "delegated",
            actor=f"user:{actor.username}",
            why=reason,
            data={"to": name, "seat": f"user:{seat.username}"},
        )
        record.history_write(request.run_id, [event])
    return is_new


def member_get(workspace: Workspace, name: str) -> User:
    """Give an active member by name, with or without `user:`.

    Raises:
        Invalid: there is none.
    """
    username = name.strip().removeprefix("user:")
    members = Member.objects.filter(workspace=workspace, is_active=True, user__is_active=True)
    member = members.filter(user__username=username).select_related("user").first()
    if member is None:
        raise _invalid("unknown_name", "/person", f"Nobody in this workspace is {username}.")
    return member.user


def _note(workspace: Workspace, name: str, seat: User, actor: User, data: object) -> None:
    app_event_record(
        workspace=workspace,
        type=name,
        object=f"user:{seat.username}",
        actor=f"user:{actor.username}",
        data=data,
    )


def _invalid(code: str, pointer: str, message: str) -> Invalid:
    return Invalid(message, problems=[{"code": code, "pointer": pointer, "message": message}])
