"""Whether what a step rests on is still being reviewed, here or where the run was started."""

from workflows_app.models import Run, StepRun
from workflows_app.services.batch import Claim


def provisional_before(claim: Claim) -> bool:
    """Tell whether a step that this one follows, at any depth, is still under parallel review."""
    found = StepRun.objects.filter(
        run_id=claim.run_id, is_current=True, state="waiting", reason="review", port__isnull=False
    ).values_list("scope_id", "step")
    if not found:
        return _parent_is_provisional(claim)
    levels = dict(claim.setting.levels())
    inner = claim.path.split(".")
    for scope_id, step in found:
        graph = levels.get(scope_id)
        if graph is None or step not in graph.nodes:
            continue
        depth = list(levels).index(scope_id)
        own = inner[depth].partition("[")[0] if depth < len(inner) else ""
        if own in graph.after(step):
            return True
    return _parent_is_provisional(claim)


def _parent_is_provisional(claim: Claim) -> bool:
    """A child run waits with the steps of its parent that are under review."""
    if claim.context.depth == 0:
        return False
    parent = Run.objects.filter(pk=claim.run_id).values_list("parent_id", flat=True).first()
    return (
        parent is not None
        and StepRun.objects.filter(
            run_id=parent, is_current=True, state="waiting", reason="review", port__isnull=False
        ).exists()
    )
