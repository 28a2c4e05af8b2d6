"""Which budgets bound a step: its run's, those of the runs around it, and those that all share."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from workflows_app.core.kinds import Budget, SharedBudget
from workflows_app.services.batch import Claim
from workflows_app.services.context import Memory, version_context
from workflows_app.services.guardrails import installation_checks
from workflows_app.services.rows import cursor_open

JSON = Any
_around: Memory[UUID, tuple[tuple[UUID, UUID], ...]] = Memory(5_000)
_PARENTS = """
WITH RECURSIVE up AS (
  SELECT id, parent_id, version_id FROM workflows_app_run WHERE id = %s
  UNION ALL
  SELECT r.id, r.parent_id, r.version_id FROM workflows_app_run r JOIN up ON r.id = up.parent_id)
SELECT id, version_id FROM up WHERE id <> %s
"""


def budget_of(claim: Claim) -> Budget | None:
    """Give what bounds the cost of a step; None where nobody set anything."""
    node, context = claim.node, claim.context
    expanded = context.version.expanded
    may_cost = node.kind.needs_model or node.kind.is_hidden
    if not (may_cost or expanded.get("limits") or expanded.get("guardrails")):
        return None
    own = _limits(expanded)
    shared = _shared(expanded, context.version.workflow_id)
    if may_cost:
        wide = installation_checks(context.workspace_id)
        own += [_limit(check) for check in _rails(wide, "run")]
        shared += _windows(wide, context.workspace_id)
        shared += _of_parents(claim)
    if not own and not shared:
        return None
    usd, asks = min(own) if own else (None, False)
    granted = float((claim.progress or {}).get("granted_usd") or 0.0)
    return Budget(usd=usd, asks=asks, granted=granted, shared=tuple(shared))


def _limits(expanded: Mapping[str, JSON]) -> list[tuple[float, bool]]:
    """Give what a definition sets for each of its runs: dollars, and whether to ask for more."""
    limit = (expanded.get("limits") or {}).get("budget_usd")
    found = [] if limit is None else [(float(limit), True)]
    return found + [_limit(check) for check in _rails(expanded.get("guardrails") or [], "run")]


def _limit(check: Mapping[str, JSON]) -> tuple[float, bool]:
    return float(check["usd"]), check.get("on_trip") == "hold"


def _rails(checks: Iterable[Mapping[str, JSON]], *per: str) -> list[Mapping[str, JSON]]:
    return [
        check
        for check in checks
        if check.get("check") == "budget"
        and check.get("mode", "on") == "on"
        and (check.get("per") or "run") in per
    ]


def _windows(checks: Iterable[Mapping[str, JSON]], of: UUID) -> list[SharedBudget]:
    found = []
    for check in _rails(checks, "day", "month"):
        usd, asks = _limit(check)
        found.append(SharedBudget(usd=usd, asks=asks, per=check["per"], of=of))
    return found


def _shared(expanded: Mapping[str, JSON], workflow_id: UUID) -> list[SharedBudget]:
    return _windows(expanded.get("guardrails") or [], workflow_id)


def _of_parents(claim: Claim) -> list[SharedBudget]:
    """A child run draws on the budgets of the runs around it, and of their workflows."""
    if not claim.context.depth:
        return []
    found: list[SharedBudget] = []
    for run_id, version_id in _parents(claim.run_id):
        version = version_context(version_id)
        for usd, asks in _limits(version.expanded):
            found.append(SharedBudget(usd=usd, asks=asks, per="run", of=run_id))
        if version.workflow_id != claim.context.version.workflow_id:
            found += _shared(version.expanded, version.workflow_id)
    return list(dict.fromkeys(found))


def _parents(run_id: UUID) -> tuple[tuple[UUID, UUID], ...]:
    known = _around.get(run_id)
    if known is None:
        cursor = cursor_open()
        cursor.execute(_PARENTS, [run_id, run_id], prepare=True)
        known = tuple(cursor.fetchall())
        _around.put(run_id, known)
    return known
