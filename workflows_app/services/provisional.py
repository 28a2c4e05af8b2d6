"""What irreversible steps wait for: a step before them, at any depth, that is still reviewed.

A waiter names the step runs that it rests on (`waiting.on`). As one of them is confirmed or taken
back, it is woken; until then its timer is put off without a word (`sweep.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.core.engine.draft import REVERT
from workflows_app.core.facts import TimerFired
from workflows_app.core.graph import Graph
from workflows_app.core.states import StepState
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services.batch import Claim, Opened
from workflows_app.services.context import contexts_load
from workflows_app.services.rows import cursor_open
from workflows_app.services.values import Setting

if TYPE_CHECKING:
    from workflows_app.core.engine.draft import StepDraft
    from workflows_app.services.carry_out import Carrier


def provisional_before(claim: Claim) -> list[UUID]:
    """Give the step runs that this one follows, here or around its run, and may be taken back."""
    found = _rests_on(claim.run_id, claim.setting, claim.node.id)
    if claim.context.depth > 0:
        for run_id, setting, step in _outer_steps(claim.run_id):
            found += _rests_on(run_id, setting, step)
    return found


def _rests_on(run_id: UUID, setting: Setting, step: str) -> list[UUID]:
    found = _provisional(run_id)
    if not found:
        return []
    parts = setting.body.split("/") if setting.body else []
    containers = [part.partition(".")[0] for part in parts[: len(setting.ancestors)]]
    return [
        step_run
        for (scope_id, graph), own in zip(setting.levels(), [*containers, step], strict=True)
        for source, step_run in found.get(scope_id, ())
        if source in graph.nodes and own in graph.after(source)
    ]


def _provisional(run_id: UUID) -> dict[UUID, list[tuple[str, UUID]]]:
    """Give the steps that went on and are still reviewed, or are being taken back, by scope."""
    rows = StepRun.objects.filter(
        run_id=run_id, is_current=True, state__in=("waiting", "compensating")
    ).values_list("pk", "scope_id", "step", "state", "reason", "port", "progress")
    found: dict[UUID, list[tuple[str, UUID]]] = {}
    for step_run, scope_id, step, state, reason, port, progress in rows:
        is_reviewed = reason == "review" and port is not None
        if is_reviewed or (state == "compensating" and _went_on(progress)):
            found.setdefault(scope_id, []).append((step, step_run))
    return found


_WAITERS = """
WITH RECURSIVE tree AS (
  SELECT %(run)s::uuid AS id
  UNION ALL
  SELECT r.id FROM workflows_app_run r JOIN tree ON r.parent_id = tree.id
  WHERE r.finished_at IS NULL)
SELECT s.id, s.scope_id, s.run_id, s.generation
FROM tree JOIN workflows_app_steprun s ON s.run_id = tree.id
WHERE s.is_current AND s.state = 'waiting' AND s.reason = 'review'
  AND jsonb_exists_any(s.waiting::jsonb -> 'on', %(on)s::text[])
"""


def waiters_wake(carrier: Carrier, opened: Opened) -> None:
    """Wake what rested on steps that are confirmed now, or taken back; each looks for itself."""
    statuses = (*opened.draft.steps.values(), *opened.draft.superseded)
    settled = [str(one.id) for one in statuses if _is_settled_now(opened, one)]
    if not settled:
        return
    cursor = cursor_open()
    cursor.execute(_WAITERS, {"run": opened.row.run_id, "on": settled})
    for step_run, scope_id, run_id, generation in cursor.fetchall():
        fact = TimerFired(step_run=step_run, generation=generation, name="review")
        carrier.leave(scope_id, run_id, fact, is_counted=False)


def _is_settled_now(opened: Opened, status: StepDraft) -> bool:
    review = opened.draft.node(status).spec.get("review")
    if not review or review.get("mode") != "parallel" or not status.is_changed:
        return False
    if opened.before.get(status.id, ("", None))[0] not in ("waiting", "compensating"):
        return False
    is_taken_back = status.state is StepState.COMPENSATING and _went_on(status.progress)
    return status.is_superseded or not (status.is_provisional or is_taken_back)


def _went_on(progress: object) -> bool:
    revert = progress.get(REVERT) if isinstance(progress, dict) else None
    return bool(revert and revert.get("went_on"))


def _outer_steps(run_id: UUID) -> Iterator[tuple[UUID, Setting, str]]:
    """Give the `workflow` steps around a child run, from the inside out."""
    while True:
        held = Run.objects.filter(pk=run_id).values_list("parent_id", "parent_step_run").first()
        if held is None or held[0] is None or held[1] is None:
            return
        run_id = held[0]
        at = StepRun.objects.filter(pk=held[1]).values_list("scope_id", "step").first()
        scope = Scope.objects.filter(pk=at[0]).first() if at is not None else None
        if at is None or scope is None:
            return
        yield run_id, _setting(scope), at[1]


def _setting(scope: Scope) -> Setting:
    context = contexts_load({scope.run_id})[scope.run_id]
    graph: Graph = context.graph(scope.body, scope.override)
    return Setting(
        context=context,
        scope_id=scope.pk,
        ancestors=tuple(scope.ancestors or ()),
        body=scope.body,
        graph=graph,
        values={},
    )
