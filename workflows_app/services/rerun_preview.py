"""What a retry from a step would do, told before it is asked for: what runs again, what repeats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from workflows_app.core.kinds import kinds
from workflows_app.core.states import StepState
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services.context import contexts_load

JSON = Any
SHOWN = 50  # effects that are listed
_KEPT = (StepState.SUCCEEDED.value, StepState.SKIPPED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A step with an effect that runs again; `is_undone` where what it did is taken back."""

    path: str
    tool: str
    is_undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunPreview:
    """How many steps run again, how many results are kept, and which effects may repeat."""

    again: int
    kept: int
    effects: Sequence[Repeated]
    more: int  # effects that are not listed


def rerun_preview(*, run: Run, path: str) -> RerunPreview | None:
    """Tell what a retry from the step at `path` would repeat; None where there is no such step."""
    found = StepRun.objects.filter(run=run, path=path, is_current=True)
    step = found.select_related("scope").order_by("-generation").first()
    if step is None:
        return None
    inside = Q(pk=step.pk)
    for root in _roots(run, step):
        inside |= Q(path=root) | Q(path__startswith=f"{root}.") | Q(path__startswith=f"{root}[")
    rows = StepRun.objects.filter(run=run, is_current=True).exclude(scope__kind="undo")
    again = rows.filter(inside)
    acted = again.exclude(effect="none").exclude(kind__in=_without_calls())
    shown = acted.order_by("ready_at", "pk").values_list("path", "state", "input")[:SHOWN]
    return RerunPreview(
        again=again.count(),
        kept=rows.exclude(inside).filter(state__in=_KEPT).count(),
        effects=[_repeated(*one) for one in shown],
        more=max(acted.count() - SHOWN, 0),
    )


def _without_calls() -> list[str]:
    """Give the kinds that do nothing by themselves: what is inside them does."""
    return [name for name, kind in kinds().items() if kind.primitive not in ("pure", "call")]


def _repeated(path: str, state: str, given: JSON) -> Repeated:
    tool = str(given.get("tool") or "") if isinstance(given, dict) else ""
    return Repeated(path=path, tool=tool, is_undone=state == StepState.COMPENSATED.value)


def _roots(run: Run, step: StepRun) -> Iterator[str]:
    """Give the paths that are settled again: the step, what follows it, and so on outward."""
    context = contexts_load([run.pk])[run.pk]
    scope: Scope | None = step.scope
    name, is_own = step.step, True
    while scope is not None:
        graph = context.graph(scope.body, scope.override)
        prefix = f"{scope.path}." if scope.path else ""
        if name in graph.nodes:
            follows = graph.after(name)
            yield from (prefix + one for one in ((name, *follows) if is_own else follows))
        if scope.container_id is None:
            return
        container = StepRun.objects.select_related("scope").filter(pk=scope.container_id).first()
        scope = container.scope if container is not None else None
        name, is_own = (container.step if container is not None else ""), False
