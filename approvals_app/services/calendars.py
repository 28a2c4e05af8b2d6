"""Set the business hours of a workspace."""

from collections.abc import Sequence
from datetime import date, time
from zoneinfo import available_timezones

from django.db import transaction

from approvals_app.models import Calendar
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import User, Workspace
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.history import app_event_record

HOLIDAYS_MOST = 500
AROUND_THE_CLOCK = "always"


@transaction.atomic
def calendar_put(
    *,
    actor: User,
    workspace: Workspace,
    name: str,
    zone: str,
    days: Sequence[int],
    opens: time,
    closes: time,
    holidays: Sequence[date] = (),
    is_default: bool = False,
) -> Calendar:
    """Create or replace a calendar; requests that wait already keep their times.

    Raises:
        Forbidden: the actor is no admin.
        Invalid: an unknown time zone, no days, or it closes before it opens.
    """
    principal_of_user(actor).require("admin", workspace.pk)
    problems = []
    if name == AROUND_THE_CLOCK or not name.strip():
        problems.append(_problem("/name", f"{name or 'an empty name'} cannot be a calendar."))
    if zone not in available_timezones():
        problems.append(_problem("/zone", f"There is no time zone {zone}."))
    if not days or not set(days) <= set(range(1, 8)):
        problems.append(_problem("/days", "Choose the days on which people answer."))
    if opens >= closes:
        problems.append(_problem("/closes", "It closes after it opens, on the same day."))
    if len(holidays) > HOLIDAYS_MOST:
        problems.append(_problem("/holidays", f"At most {HOLIDAYS_MOST} holidays."))
    if problems:
        raise Invalid(problems[0]["message"], problems=problems)
    if is_default:
        Calendar.objects.filter(workspace=workspace, is_default=True).update(is_default=False)
    calendar, _ = Calendar.objects.update_or_create(
        workspace=workspace,
        name=name,
        defaults={
            "zone": zone,
            "days": sorted(set(days)),
            "opens": opens,
            "closes": closes,
            "holidays": sorted(set(holidays)),
            "is_default": is_default,
        },
    )
    data = {"zone": zone, "days": sorted(set(days)), "opens": str(opens), "closes": str(closes)}
    _note(workspace, "calendar.set", name, actor, {**data, "is_default": is_default})
    return calendar


@transaction.atomic
def calendar_drop(*, actor: User, workspace: Workspace, name: str) -> None:
    """Remove a calendar; gates that name it count around the clock, and the page says so.

    Raises:
        Forbidden, NotFound: no admin, or no such calendar.
    """
    principal_of_user(actor).require("admin", workspace.pk)
    count, _ = Calendar.objects.filter(workspace=workspace, name=name).delete()
    if not count:
        raise NotFound("There is no such calendar.")
    _note(workspace, "calendar.dropped", name, actor, None)


def _note(workspace: Workspace, what: str, name: str, actor: User, data: object) -> None:
    app_event_record(
        workspace=workspace,
        type=what,
        object=f"calendar:{name}",
        actor=f"user:{actor.username}",
        data=data,
    )


def _problem(pointer: str, message: str) -> dict[str, str]:
    return {"code": "out_of_range", "pointer": pointer, "message": message}
