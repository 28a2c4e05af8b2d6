"""What irreversible steps wait for: a step before them, at any depth, that is still reviewed."""

from collections.abc import Iterator
from uuid import UUID

from workflows_app.core.engine.draft import REVERT
from workflows_app.core.graph import Graph
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services.batch import Claim
from workflows_app.services.context import contexts_load
from workflows_app.services.values import Setting


def provisional_before(claim: Claim) -> bool:
    """Tell whether a step that this one follows, here or around its run, may yet be taken back."""
    if _rests_on_a_review(claim.run_id, claim.setting, claim.node.id):
        return True
    return claim.context.depth > 0 and any(
        _rests_on_a_review(run_id, setting, step)
        for run_id, setting, step in _outer_steps(claim.run_id)
    )


def _rests_on_a_review(run_id: UUID, setting: Setting, step: str) -> bool:
    found = _provisional(run_id)
    if not found:
        return False
    parts = setting.body.split("/") if setting.body else []
    containers = [part.partition(".")[0] for part in parts[: len(setting.ancestors)]]
    return any(
        own in graph.after(source)
        for (scope_id, graph), own in zip(setting.levels(), [*containers, step], strict=True)
        for source in found.get(scope_id, ())
        if source in graph.nodes
    )


def _provisional(run_id: UUID) -> dict[UUID, list[str]]:
    """Give the steps that went on and are still reviewed, or are being taken back, by scope."""
    rows = StepRun.objects.filter(
        run_id=run_id, is_current=True, state__in=("waiting", "compensating")
    ).values_list("scope_id", "step", "state", "reason", "port", "progress")
    found: dict[UUID, list[str]] = {}
    for scope_id, step, state, reason, port, progress in rows:
        is_reviewed = reason == "review" and port is not None
        if is_reviewed or (state == "compensating" and _went_on(progress)):
            found.setdefault(scope_id, []).append(step)
    return found


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
