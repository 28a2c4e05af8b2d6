"""Make the rows of new requests: what is asked, of whom, until when, and by whom."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from approvals_app.core.asked import NAME_LIMIT, Asked, asked_read, text
from approvals_app.core.gates import entity_of, gate_of_path
from approvals_app.core.policy import Person
from approvals_app.core.sampling import is_drawn
from approvals_app.core.sla import Schedule
from approvals_app.core.states import DECIDED
from approvals_app.models import ApprovalRequest, Calendar
from approvals_app.selectors.people import Directory
from workflows_app.core.effects import RequestApproval
from workflows_app.models import AppEvent, Run, StepRun, User, WorkflowVersion

JSON = Any
BLIND_SHARE = 0.05  # where a gate sets nothing else
BLIND_FROM = 20  # decisions at a gate


class Opening:
    """What the requests of one transaction share, read once."""

    def __init__(self, wanted: Sequence[RequestApproval]) -> None:
        self.runs = Run.objects.select_related("started_by").in_bulk(
            {effect.run_id for effect in wanted}
        )
        self.versions = WorkflowVersion.objects.in_bulk({effect.version_id for effect in wanted})
        self.directories = {
            effect.workspace_id: Directory(effect.workspace_id) for effect in wanted
        }
        # The newest earlier request of each step run: what would run has changed since.
        self.previous = {
            request.step_run_id: request
            for request in ApprovalRequest.objects.filter(
                step_run_id__in=[effect.step_run_id for effect in wanted]
            ).order_by("number")
        }
        self._requesters: dict[tuple[UUID, UUID, tuple[str, ...]], list[Person]] = {}
        self._records: dict[tuple[UUID, str], bool] = {}
        self._calendars: dict[UUID, dict[str, Calendar]] = {}

    def request(self, effect: RequestApproval) -> ApprovalRequest:
        asked = asked_read(effect.settings, reason=effect.reason, fallback=_fallback(effect))
        schedule = self._schedule(effect, asked)
        run = self.runs[effect.run_id]
        action = effect.action if isinstance(effect.action, dict) else {}
        about = entity_of(action.get("arguments"))
        gate = gate_of_path(effect.path, action.get("tool"))
        return ApprovalRequest(
            id=effect.id,
            workspace_id=effect.workspace_id,
            run_id=effect.run_id,
            scope_id=effect.scope_id,
            step_run_id=effect.step_run_id,
            workflow_id=effect.workflow_id,
            version_id=effect.version_id,
            previous=self.previous.get(effect.step_run_id),
            path=effect.path,
            gate=gate,
            entity=text(about[2], limit=NAME_LIMIT) if about else "",
            generation=effect.generation,
            kind=_kind(effect),
            reason=effect.reason,
            mode=effect.mode,
            settings=effect.settings or {},
            action=effect.action,
            digest=effect.digest,
            summary=asked.summary,
            details=asked.details,
            recommendation=asked.recommendation,
            confidence=asked.confidence,
            risk=asked.risk,
            impact=asked.impact,
            alternatives=asked.alternatives,
            links=asked.links,
            requested_by=asked.requested_by or _asked_by(effect, run),
            why=effect.why,
            is_blind=self._is_blind(effect, asked, gate),
            is_sampled=bool((effect.settings or {}).get("sampled")),
            assignees=list(asked.assignees),
            present=list(asked.assignees),
            need=str(asked.need),
            decisions=list(asked.decisions),
            form=asked.form,
            requesters=self._requesters_of(effect, run),
            starter=run.started_by_id,
            on_timeout=asked.on_timeout,
            ladder=ladder_rows(schedule),
            deadline_at=schedule.ends_at,
            next_due_at=schedule.due_at(0),
            requested_at=effect.now,
        )

    def _schedule(self, effect: RequestApproval, asked: Asked) -> Schedule:
        """Give the times of a request; a calendar that does not exist counts every hour."""
        schedule = asked.schedule(effect.now)
        known = self._calendars.get(effect.workspace_id)
        if known is None:
            found = Calendar.objects.filter(workspace_id=effect.workspace_id)
            known = {name: one for one in found for name in _calendar_names(one)}
            self._calendars[effect.workspace_id] = known
        calendar = known.get(asked.calendar)
        return schedule.in_hours(calendar.hours) if calendar else schedule

    def _is_blind(self, effect: RequestApproval, asked: Asked, gate: str) -> bool:
        """Draw whether people answer before they see the agent's view; by default 1 in 20.

        A gate that has no record yet has no habit to be checked either.
        """
        shows = asked.recommendation or asked.confidence is not None
        if effect.mode != "live" or effect.reason != "approval" or not shows:
            return False
        share = asked.blind
        if share is None:
            share = BLIND_SHARE if self._has_record(effect.workflow_id, gate) else 0.0
        return is_drawn(share, "blind", effect.id)

    def _has_record(self, workflow_id: UUID, gate: str) -> bool:
        key = (workflow_id, gate)
        if key not in self._records:
            decided = ApprovalRequest.objects.filter(
                workflow_id=workflow_id, gate=gate, state__in=DECIDED
            )
            self._records[key] = decided[:BLIND_FROM].count() >= BLIND_FROM
        return self._records[key]

    def _requesters_of(self, effect: RequestApproval, run: Run) -> list[Person]:
        action = effect.action if isinstance(effect.action, dict) else {}
        handles = tuple(str(handle) for handle in action.get("credentials") or ())
        key = (effect.run_id, effect.version_id, handles)
        if key not in self._requesters:
            version = self.versions[effect.version_id]
            self._requesters[key] = sorted(requesters_of(run, version, handles))
        return self._requesters[key]


def _calendar_names(calendar: Calendar) -> list[str]:
    """Give the names under which gates mean a calendar; without one they mean the default."""
    return [calendar.name, ""] if calendar.is_default else [calendar.name]


def _kind(effect: RequestApproval) -> str:
    if isinstance(effect.action, dict) and effect.action.get("kind"):
        return str(effect.action["kind"])
    kinds = StepRun.objects.filter(pk=effect.step_run_id).values_list("kind", flat=True)
    return kinds.first() or ""


def _fallback(effect: RequestApproval) -> str:
    """Give a summary from what is known, where the gate has none of its own."""
    action = effect.action if isinstance(effect.action, dict) else {}
    if effect.reason == "checkpoint":
        return f"Go on after {effect.path}"
    what = action.get("tool") or action.get("kind") or effect.path
    return f"Confirm what {effect.path} gave" if effect.reason == "review" else f"Run {what}"


def _asked_by(effect: RequestApproval, run: Run) -> str:
    starter = f"user:{run.started_by.username}" if run.started_by else run.started_via
    return f"{effect.path}, started by {starter}"[-NAME_LIMIT:]


def ladder_rows(schedule: Schedule) -> list[dict[str, JSON]]:
    """Give the ladder as it is stored: `[{after, assignees, channel}]`, in seconds."""
    return [
        {
            "after": rung.after / timedelta(seconds=1),
            "assignees": list(rung.assignees),
            "channel": rung.channel or None,
        }
        for rung in schedule.rungs
    ]


def requesters_of(run: Run, version: WorkflowVersion, handles: Sequence[str]) -> set[Person]:
    """Give who asked for the action, in the widest sense: none of them may approve it.

    The starter of the run and of those above it, everybody who edited the version, and who
    last set each credential that the action uses.
    """
    found: set[Person] = set(version.editors.values_list("pk", flat=True))
    above: Run | None = run
    while above is not None:
        if above.started_by_id is not None:
            found.add(above.started_by_id)
        above = above.parent
    for handle in handles:
        found |= credential_setters(run.workspace_id, handle)
    return found


def credential_setters(workspace_id: UUID, handle: str) -> set[Person]:
    """Give who last set a credential, by the record of it."""
    name = handle.removeprefix("secret:")
    last = (
        AppEvent.objects.filter(workspace_id=workspace_id, object=f"secret:{name}")
        .order_by("-pk")
        .values_list("actor", flat=True)
        .first()
    )
    username = (last or "").removeprefix("user:")
    return set(User.objects.filter(username=username).values_list("pk", flat=True))
