"""Turn the engine's wish to ask people into a request, and its second thought into an end."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from approvals_app.core.policy import Gate
from approvals_app.core.states import DECIDED, ApprovalState, Trigger
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.people import Directory, gate_of, user_names
from approvals_app.services import record
from approvals_app.services.announce import announce
from approvals_app.services.opening import Opening
from approvals_app.services.told import unsealed
from workflows_app.core.effects import Effect, RequestApproval, WithdrawApproval
from workflows_app.core.facts import Decided
from workflows_app.services.effects import Handled

JSON = Any


def approvals_open(effects: Sequence[Effect]) -> Handled:
    """Make a request for each `RequestApproval`; the scope's lock is held by the engine.

    A live request that nobody may answer is not made: its step becomes an incident. What waits
    shows until when there is time to answer.
    """
    wanted = [effect for effect in effects if isinstance(effect, RequestApproval)]
    opening = Opening(wanted)
    made: list[ApprovalRequest] = []
    for effect in wanted:
        request = opening.request(effect)
        gate = widest_gate(request, opening.directories[effect.workspace_id])
        if gate.can_be_met:
            made.append(request)
        else:
            _incident(request, gate)
    ApprovalRequest.objects.bulk_create(made)
    events: dict[UUID, list[dict[str, JSON]]] = {}
    for request in made:
        asked = {**_requested(request), "at": request.requested_at}
        events.setdefault(request.run_id, []).append(asked)
    announce([(request, "approval.requested", {}) for request in made])
    shown = {one.step_run_id: {"until": one.deadline_at.isoformat()} for one in made}
    return Handled(shown=shown, history=events)


def widest_gate(request: ApprovalRequest, directory: Directory) -> Gate:
    """Give who may ever answer: whoever any rung of the ladder asks counts as well."""
    gate = gate_of(request, directory)
    later = [name for rung in request.ladder for name in rung["assignees"]]
    return replace(gate, assigned=gate.assigned | directory.people(later))


def _incident(request: ApprovalRequest, gate: Gate) -> None:
    names = ", ".join(request.assignees) or "nobody"
    able = len(gate.voters)
    reason = (
        f"Nobody may answer: {names} leaves {able} of the {gate.required} people it needs, "
        "because whoever started, edited or equipped this cannot approve it."
    )
    fact = Decided(
        step_run=request.step_run_id,
        generation=request.generation,
        outcome="incident",
        by="engine",
        reason=reason,
    )
    record.engine_tell(request, fact, effective_at=request.requested_at, now=request.requested_at)


def _requested(request: ApprovalRequest) -> dict[str, JSON]:
    names = user_names(request.requesters)
    return record.event(
        request,
        "requested",
        actor="engine",
        states=("", ApprovalState.PENDING.value),
        why=request.why or request.summary,
        data={
            "digest": request.digest,
            "reason": request.reason,
            "risk": request.risk,
            "assignees": request.assignees,
            "need": request.need,
            "deadline": request.deadline_at.isoformat(),
            "requesters": sorted(f"user:{name}" for name in names.values()),
        },
    )


def approvals_withdraw(effects: Sequence[Effect]) -> Handled:
    """End the requests whose question is void; a decision in force stays what it is."""
    wanted = {
        effect.step_run_id: effect for effect in effects if isinstance(effect, WithdrawApproval)
    }
    taken_back = record.dispatch_take_back(wanted)
    open_states = [ApprovalState.PENDING.value, *(state.value for state in DECIDED)]
    requests = ApprovalRequest.objects.filter(
        step_run_id__in=list(wanted), state__in=open_states
    ).select_for_update(no_key=True)
    events: dict[UUID, list[dict[str, JSON]]] = {}
    for request in requests.order_by("pk"):
        is_open = request.state == ApprovalState.PENDING.value
        if not is_open and request.step_run_id not in taken_back:
            continue
        effect = wanted[request.step_run_id]
        change = request_close(request, Trigger.WITHDRAW, why=effect.why, now=effect.now)
        events.setdefault(request.run_id, []).append({**change, "at": effect.now})
    return Handled(history=events)


def request_close(
    request: ApprovalRequest,
    trigger: Trigger,
    *,
    why: str,
    now: datetime,
    data: dict[str, JSON] | None = None,
) -> dict[str, JSON]:
    """End a request that nobody answered; gives the history event."""
    states = record.move(request, trigger)
    request.next_due_at = None
    request.closed_at = now
    request.closed_why = why
    request.save(update_fields=["state", "next_due_at", "closed_at", "closed_why"])
    announce([(request, "approval.expired", {"outcome": request.state, "why": why})])
    if request.risk == "critical":
        votes = request.votes.filter(undone__isnull=True).select_related("person").order_by("pk")
        data = {**(data or {}), **unsealed(votes)}
    return record.event(
        request, "closed", actor="engine", states=states, trigger=trigger.value, why=why, data=data
    )
