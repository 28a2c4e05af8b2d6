"""Who is away, who is asked by which gate, and where nobody would answer."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from approvals_app.models import Calendar, Cover
from approvals_app.selectors.people import Directory, user_names
from workflows_app.models import WorkflowVersion, Workspace

JSON = Any
AROUND_THE_CLOCK = ("", "always")  # what a gate says that counts by no calendar of its own
SHOWN = 100


def cover_in_force(*, workspace: Workspace, now: datetime) -> QuerySet[Cover]:
    """Give covers that hold or will hold."""
    found = Cover.objects.filter(workspace=workspace, ends_at__gt=now, ended_at__isnull=True)
    return found.select_related("seat", "delegate", "workflow")


def cover_list(*, workspace: Workspace, now: datetime) -> list[dict[str, JSON]]:
    """Give covers that hold or will hold, each with what is wrong with it."""
    covers = list(cover_in_force(workspace=workspace, now=now).order_by("starts_at"))
    return [{"cover": cover, "warnings": _warnings(cover, covers)} for cover in covers]


def _warnings(cover: Cover, covers: list[Cover]) -> list[str]:
    away = [
        other
        for other in covers
        if other.seat_id == cover.delegate_id
        and other.starts_at < cover.ends_at
        and cover.starts_at < other.ends_at
    ]
    if any(other.delegate_id == cover.seat_id for other in away):
        return ["The two cover for each other: while both are away nobody answers."]
    name = cover.delegate.username
    return [f"{name} is away in that time as well; covers are not passed on."] if away else []


def check_facts(workspace: Workspace) -> dict[str, JSON]:
    """Give `{"calendars": names}` for the checks of a definition."""
    names = Calendar.objects.filter(workspace=workspace).values_list("name", flat=True)
    return {"calendars": frozenset({*names, *AROUND_THE_CLOCK})}


def gates(*, workspace: Workspace) -> list[dict[str, JSON]]:
    """Give each gate of the newest versions as a ladder, with whom it would reach now."""
    versions = (
        WorkflowVersion.objects.filter(workflow__workspace=workspace, number__gt=0)
        .select_related("workflow")
        .order_by("workflow_id", "-number")
        .distinct("workflow_id")[:SHOWN]
    )
    directory = Directory(workspace.pk)
    return [
        _gate(version, step, settings, directory)
        for version in versions
        for step in version.expanded.get("steps") or ()
        if isinstance(settings := _settings(step), dict)
    ]


def _settings(step: dict[str, JSON]) -> JSON:
    return step.get("with") if step.get("kind") == "approval" else step.get("approval")


def _gate(
    version: WorkflowVersion, step: dict[str, JSON], settings: dict[str, JSON], known: Directory
) -> dict[str, JSON]:
    rungs: list[dict[str, JSON]] = [
        {"after": "at once", "names": _names(settings.get("assignees")), "channel": None}
    ]
    for rung in settings.get("ladder") or ():
        if isinstance(rung, dict):
            rungs.append(
                {
                    "after": f"after {rung.get('after')}",
                    "names": _names(rung.get("assignees")),
                    "channel": rung.get("channel"),
                }
            )
    reached = known.people(name for name in rungs[0]["names"] if ":" in name)
    covered = {c.seat_id: c.delegate.username for c in known.covers() if c.seat_id in reached}
    people = [
        f"{name} ({covered[pk]} answers)" if pk in covered else name
        for pk, name in sorted(user_names(reached).items(), key=lambda item: item[1])
    ]
    return {
        "workflow": version.workflow,
        "step": step.get("id"),
        "rungs": rungs,
        "deadline": settings.get("deadline", "24h"),
        "on_timeout": settings.get("on_timeout", "deny"),
        "reaches": people,
        "calendar": str(settings.get("calendar") or ""),
    }


def _names(value: JSON) -> list[str]:
    """Give the names that are written out; an expression is shown as it is."""
    return [str(one) for one in value] if isinstance(value, list) else [str(value or "")]
