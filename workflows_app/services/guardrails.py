"""Guardrails around a step: its own, its workflow's and the installation's, all of them.

What the checks are is not known here: an app registers the one function that runs them.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.db import transaction

from workflows_app.core.kinds import ActionParts, Call
from workflows_app.models import Workspace
from workflows_app.services.batch import Claim
from workflows_app.services.history import history_append

JSON = Any
At = Literal["before", "after"]
# These bound what a step may begin, so they run before it, whatever they say.
ALWAYS_BEFORE = frozenset({"tools", "hosts", "resources", "regions", "volume", "rate"})
# Kept elsewhere: by an agent's turns, and by the calls that cost something.
KEPT_ELSEWHERE = frozenset({"repeats", "budget"})
SETTINGS_FOR = 2.0  # seconds that a workspace's guardrails, and its stop, are remembered
STOPPED_FOR = 30.0  # seconds after which a step that was stopped looks again; lifting wakes it
CONTENTS = ("arguments", "prompt", "items", "input", "value")  # of the settings, what is checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a check stands: which call, what it is about to do, and how long it took."""

    at: At
    call: Call
    action: ActionParts
    workflow_id: UUID
    step: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the checks say together.

    `action` is None where the value goes on, else `block`, `hold` or `queue`; `trips` are the
    records of what tripped.
    """

    value: JSON
    action: Literal["block", "hold", "queue"] | None = None
    code: str = ""
    why: str = ""
    trips: Sequence[Mapping[str, JSON]] = field(default_factory=tuple)


Run = Callable[[Sequence[Mapping[str, JSON]], JSON, Moment], Verdict]
_registered: list[Run] = []
_installation: dict[UUID, tuple[float, dict[str, JSON]]] = {}


def register_guardrails(function: Run) -> None:
    """Set what runs the checks: `function(checks, value, moment)`."""
    _registered[:] = [function]


def checks_of(claim: Claim, at: At) -> list[dict[str, JSON]]:
    """Give the checks that run at this moment of a step, each with the level it comes from.

    Those of the workflow and the installation hold for what calls something outside.
    """
    own = claim.node.spec.get("guardrails") or []
    found = [{**check, "level": "step"} for check in own]
    is_call = claim.node.kind.primitive == "call" and not claim.node.kind.is_hidden
    if is_call and not claim.path.endswith(".undo"):
        wide = claim.context.version.expanded.get("guardrails") or []
        found += [{**check, "level": "workflow"} for check in wide]
        all_over = installation_checks(claim.context.workspace_id)
        found += [{**check, "level": "installation"} for check in all_over]
    return [check for check in found if at in _moments(check)]


def _moments(check: Mapping[str, JSON]) -> tuple[str, ...]:
    if check.get("check") in KEPT_ELSEWHERE:
        return ()
    if check.get("check") in ALWAYS_BEFORE:
        return ("before",)
    at = check.get("at") or "after"
    return ("before", "after") if at == "both" else (at,)


def installation_checks(workspace_id: UUID) -> list[JSON]:
    """Give the guardrails that hold for everything in a workspace."""
    return list(_settings(workspace_id).get("guardrails") or [])


def stop_of(claim: Claim) -> str:
    """Say why nothing may be called now, or nothing; undoing goes on while all is stopped."""
    if claim.node.kind.primitive != "call" or claim.path.endswith(".undo"):
        return ""
    held = _settings(claim.context.workspace_id).get("stopped")
    return f"all agent actions are stopped: {held['reason']}" if held else ""


def _settings(workspace_id: UUID) -> dict[str, JSON]:
    known = _installation.get(workspace_id)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    row = Workspace.objects.filter(pk=workspace_id).values_list("settings", flat=True).first() or {}
    _installation[workspace_id] = (time.monotonic() + SETTINGS_FOR, row)
    return row


def content_of(claim: Claim, settings: Mapping[str, JSON]) -> tuple[str | None, JSON]:
    """Give which of the settings holds what is checked, and it; without one all of them."""
    name = next((name for name in CONTENTS if name in settings), None)
    if name is not None:
        return name, settings[name]
    is_leaf = claim.node.kind.primitive in ("pure", "call", "wait")
    return None, dict(settings) if is_leaf else {}


def guardrails_run(
    claim: Claim,
    call: Call,
    value: JSON,
    checks: Sequence[Mapping[str, JSON]],
    *,
    at: At,
    seconds: float = 0.0,
) -> Verdict:
    """Run checks on a value, and write what tripped into the history."""
    if not _registered:
        return Verdict(
            value=value, action="block", code="guardrail", why="nothing runs guardrails here"
        )
    moment = Moment(
        at=at,
        call=call,
        action=claim.node.kind.action(call),
        workflow_id=claim.context.version.workflow_id,
        step=claim.node.id,
        seconds=seconds,
    )
    verdict = _registered[0](checks, value, moment)
    is_known = verdict.action == "queue" or (at == "before" and claim.approved_digest is not None)
    if verdict.trips and not is_known:
        _record(claim, verdict, at)
    return verdict


def _record(claim: Claim, verdict: Verdict, at: At) -> None:
    events = [
        {
            "type": "guardrail.tripped",
            "path": claim.path,
            "generation": claim.generation,
            "why": str(trip.get("saw") or ""),
            "data": {**trip, "at": at},
        }
        for trip in verdict.trips
    ]
    with transaction.atomic():
        history_append(run_id=claim.run_id, events=events)
