"""Which guardrails are in force where, and how often each tripped lately."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from workflows_app.models import WorkflowVersion

JSON = Any
LATELY = "30 days"
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

    @property
    def acts_sorted(self) -> list[str]:
        return sorted(self.acts)


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
