"""Where nobody would answer, now or in the next two weeks."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from approvals_app.core.absences import Absence, uncovered
from approvals_app.models import Calendar, Cover
from approvals_app.selectors.cover import AROUND_THE_CLOCK
from approvals_app.selectors.people import Directory
from workflows_app.models import Group, Workspace

JSON = Any
AHEAD = timedelta(days=14)


def gaps(*, workspace: Workspace, now: datetime, gates: Iterable[dict[str, JSON]]) -> list[str]:
    """Give in words, the soonest first, what is wrong with whom gates ask.

    Args:
        gates: as `approvals_app.selectors.cover.gates` gives them.
    """
    absences = _absences(workspace, now)
    directory = Directory(workspace.pk)
    found: list[tuple[datetime, str]] = []
    for name in _empty_groups(workspace):
        found.append((now, f"The group {name} is empty."))
    asked = {f"group:{name}" for name in _groups(workspace)}
    for gate in gates:
        names = [name for name in gate["rungs"][0]["names"] if name.startswith("user:")]
        asked.update(names if len(gate["rungs"][0]["names"]) == 1 else ())
        found += [(now, text) for text in _calendar_problem(workspace, gate)]
    for name in sorted(asked):
        people = directory.people([name])
        for start, end in uncovered(people, absences, begins=now, ends=now + AHEAD):
            kind, _, bare = name.partition(":")
            who = f"in the group {bare}" if kind == "group" else f"in the place of {bare}"
            found.append((start, f"Nobody {who} answers {_span(start, end, now)}."))
    return [text for _, text in sorted(found, key=lambda one: one[0])]


def _absences(workspace: Workspace, now: datetime) -> dict[int, list[Absence]]:
    """Give who is away when; a cover for one workflow leaves the others to the person."""
    rows = Cover.objects.filter(
        workspace=workspace,
        workflow__isnull=True,
        ended_at__isnull=True,
        ends_at__gt=now,
        starts_at__lt=now + AHEAD,
    )
    found: dict[int, list[Absence]] = defaultdict(list)
    for row in rows:
        one = Absence(starts_at=row.starts_at, ends_at=row.ends_at, delegate=row.delegate_id)
        found[row.seat_id].append(one)
    return found


def _empty_groups(workspace: Workspace) -> list[str]:
    return list(_counted(workspace).filter(able=0).values_list("name", flat=True))


def _groups(workspace: Workspace) -> list[str]:
    return list(_counted(workspace).filter(able__gt=0).values_list("name", flat=True))


def _counted(workspace: Workspace) -> Any:
    able = Q(members__is_active=True, members__user__is_active=True)
    groups = Group.objects.filter(workspace=workspace)
    return groups.annotate(able=Count("members", filter=able)).order_by("name")


def _calendar_problem(workspace: Workspace, gate: dict[str, JSON]) -> list[str]:
    name = gate["calendar"]
    if name in AROUND_THE_CLOCK:
        return []
    if Calendar.objects.filter(workspace=workspace, name=name).exists():
        return []
    where = f"{gate['workflow'].name} · {gate['step']}"
    return [f"{where} counts by the calendar {name}, which does not exist: around the clock."]


def _span(start: datetime, end: datetime, now: datetime) -> str:
    begins = "from now" if start <= now else f"from {_day(start)}"
    return f"{begins} on" if end >= now + AHEAD else f"{begins} to {_day(end)}"


def _day(moment: datetime) -> str:
    return f"{moment:%-d %B %H:%M} UTC"
