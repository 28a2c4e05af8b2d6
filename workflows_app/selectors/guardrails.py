"""Which guardrails are in force where, and how often each tripped lately."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from workflows_app.models import AppEvent, RunEvent, WorkflowVersion

JSON = Any
LATELY = "30 days"
FALSE_ALARM = "guardrail.false_alarm"  # of the record: somebody says that nothing was wrong
TRIPS_SHOWN = 20
_FALSE_ALARMS = """
SELECT a.data::json ->> 'check', count(*) FROM workflows_app_appevent a
WHERE a.type = %s AND a.at > now() - %s::interval AND a.workspace_id = %s GROUP BY 1
"""
_TRIPS = """
SELECT r.workflow_id, e.data::json ->> 'check',
  count(*) FILTER (WHERE e.data::json ->> 'observed' IS DISTINCT FROM 'true'
    AND e.data::json ->> 'on_trip' IS DISTINCT FROM 'warn'),
  count(*)
FROM workflows_app_runevent e JOIN workflows_app_run r ON r.id = e.run_id
WHERE e.type = 'guardrail.tripped' AND e.at > now() - %s::interval AND r.workspace_id = %s
  AND r.mode = 'live'
GROUP BY 1, 2
"""


@dataclass(slots=True, kw_only=True)
class RailRow:
    """One kind of check: where it is used, and how often it tripped in thirty days."""

    check: str
    places: list[tuple[str, str, str]] = field(default_factory=list)  # workflow, slug, step
    acts: set[str] = field(default_factory=set)  # what happens when it trips
    is_everywhere: bool = False
    stopped: int = 0
    noted: int = 0  # only observed, or a warning
    false_alarms: int = 0  # as people reported

    @property
    def acts_sorted(self) -> list[str]:
        return sorted(self.acts)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripRow:
    """One check that tripped in a live run; `is_false` once it was reported as a false alarm."""

    event: RunEvent
    check: str
    act: str
    is_false: bool


def trip_rows(*, workspace_id: UUID) -> list[TripRow]:
    """Give the newest trips of live runs in thirty days."""
    trips = list(
        RunEvent.objects.filter(
            type="guardrail.tripped",
            at__gt=Now() - timedelta(days=30),
            run__workspace=workspace_id,
            run__mode="live",
        )
        .select_related("run__workflow")
        .defer("run__workflow__draft", "run__input", "run__output")
        .order_by("-at", "-pk")[:TRIPS_SHOWN]
    )
    names = [trip_name(trip.run.number, trip.sequence) for trip in trips]
    reported = set(
        AppEvent.objects.filter(
            workspace=workspace_id, type=FALSE_ALARM, object__in=names
        ).values_list("object", flat=True)
    )
    return [
        TripRow(
            event=trip,
            check=str((trip.data or {}).get("check")),
            act=_act(trip.data or {}),
            is_false=name in reported,
        )
        for trip, name in zip(trips, names, strict=True)
    ]


def _act(trip: Mapping[str, JSON]) -> str:
    return "observe" if trip.get("observed") else str(trip.get("on_trip"))


def trip_name(number: int | None, sequence: int) -> str:
    """Give how the record names one trip."""
    return f"run:{number}#{sequence}"


def checks_in_force(
    *, workspace_id: UUID, wide: Sequence[Mapping[str, JSON]]
) -> list[Mapping[str, JSON]]:
    """Give every check in force, each once however often it is set alike."""
    found: list[Mapping[str, JSON]] = []
    for version in versions_in_force(workspace_id=workspace_id):
        found += [check for _, check in _checks(version.definition, "")]
    kept: list[Mapping[str, JSON]] = []
    for check in [*wide, *found]:
        if check not in kept:
            kept.append(check)
    return kept


def versions_in_force(*, workspace_id: UUID) -> list[WorkflowVersion]:
    """Give the newest version of each workflow that is not archived, by the workflow's name."""
    newest = (
        WorkflowVersion.objects.filter(
            workflow__workspace=workspace_id, workflow__archived_at=None, number__isnull=False
        )
        .order_by("workflow", "-number")
        .distinct("workflow")
    )
    found = newest.select_related("workflow").defer("workflow__draft")
    return sorted(found, key=lambda version: version.workflow.name)


def rail_rows(*, workspace_id: UUID, wide: Sequence[Mapping[str, JSON]]) -> list[RailRow]:
    """Give the kinds of check in force, those that stopped most first.

    Args:
        wide: the guardrails of the installation.
    """
    found: dict[str, RailRow] = {}
    for check in wide:
        row = _row(found, check)
        row.is_everywhere = True
    for version in versions_in_force(workspace_id=workspace_id):
        workflow = version.workflow
        for step, check in _checks(version.definition, ""):
            place = (workflow.name, workflow.slug, step)
            row = _row(found, check)
            if place not in row.places:
                row.places.append(place)
    with connection.cursor() as cursor:
        cursor.execute(_TRIPS, [LATELY, workspace_id])
        for _, name, stopped, everything in cursor.fetchall():
            row = found.setdefault(name, RailRow(check=name))
            row.stopped += stopped
            row.noted += everything - stopped
        cursor.execute(_FALSE_ALARMS, [FALSE_ALARM, LATELY, workspace_id])
        for name, count in cursor.fetchall():
            found.setdefault(name, RailRow(check=name)).false_alarms = count
    return sorted(found.values(), key=lambda row: (-row.stopped, -row.noted, row.check))


def _row(found: dict[str, RailRow], check: Mapping[str, JSON]) -> RailRow:
    name = str(check.get("check"))
    row = found.setdefault(name, RailRow(check=name))
    is_watching = check.get("mode", "on") == "observe"
    row.acts.add("observe" if is_watching else str(check.get("on_trip") or "block"))
    return row


def _checks(part: JSON, step: str) -> Iterator[tuple[str, Mapping[str, JSON]]]:
    """Walk a definition: each check with the step that has it, "" for the workflow's own."""
    if isinstance(part, list):
        for item in part:
            yield from _checks(item, step)
        return
    if not isinstance(part, dict):
        return
    if "kind" in part and isinstance(part.get("id"), str):
        step = f"{step}.{part['id']}" if step else part["id"]
    for name, value in part.items():
        is_list = name == "guardrails" or (name == "checks" and isinstance(value, list))
        if is_list and isinstance(value, list):
            yield from ((step, check) for check in value if isinstance(check, dict))
        elif name != "input":
            yield from _checks(value, step)
