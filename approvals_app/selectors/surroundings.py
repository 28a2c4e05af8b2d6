"""What lies around a request in its run: what came before, what comes next, what a no undoes."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from approvals_app.models import ApprovalRequest
from workflows_app.core.graph import Graph, graphs_compile
from workflows_app.core.kinds import kind_get
from workflows_app.core.states import StepState
from workflows_app.models import StepRun, Undo

JSON = Any
OPEN = ("ready", "running", "waiting", "compensating")
SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequences:
    """What happens when a review is rejected, in the order in which it happens.

    Args:
        cancelled: paths of later steps that are stopped.
        undone: what reverses what was done, newest first.
        kept: paths of what acted and has nothing that reverses it.
        again: how many more times the step may run again with the reason.
    """

    cancelled: list[str]
    undone: list[Undo]
    kept: list[str]
    again: int


def graph_of(request: ApprovalRequest) -> Graph:
    """Give the body in which the request's step runs, with what a checkpoint changed in it."""
    scope = request.scope
    if scope.override is not None:
        return Graph(scope.body, scope.override)
    return graphs_compile(request.version.expanded)[scope.body]


def consequences_of(request: ApprovalRequest, step_run: StepRun) -> Consequences:
    """Give what a rejected review takes back: the step, and what went on from it."""
    graph = graph_of(request)
    names = graph.after(step_run.step) if step_run.port is not None else ()
    rows = StepRun.objects.filter(run_id=request.run_id, is_current=True)
    heads = [
        row
        for row in rows.filter(scope_id=request.scope_id, step__in=names)
        if row.state not in ("skipped", "cancelled")
    ]
    under = Q(pk=step_run.pk)
    for head in (*heads, step_run):
        under |= Q(path=head.path) | Q(path__startswith=f"{head.path}.")
        under |= Q(path__startswith=f"{head.path}[")
    acted = [row for row in rows.filter(under) if row.effect != "none" and _acted(row)]
    undos = Undo.objects.filter(
        step_run__in=[row.pk for row in acted], state__in=("recorded", "armed", "requested")
    )
    known = {undo.step_run_id for undo in undos}
    spec = graph.nodes[step_run.step].spec.get("review") or {}
    reworked = int((step_run.progress or {}).get("reworked", 0))
    return Consequences(
        cancelled=[row.path for row in heads if row.state in OPEN],
        undone=sorted(undos, key=lambda undo: (undo.ordinal or 0, undo.pk), reverse=True),
        kept=[row.path for row in acted if row.pk not in known],
        again=max(0, int(spec.get("rework") or 0) - reworked),
    )


def _acted(row: StepRun) -> bool:
    is_review = row.state == StepState.WAITING and row.reason == "review"
    return is_review or row.state in ("succeeded", "running", "failed")


def done_steps(request: ApprovalRequest) -> list[StepRun]:
    """Give what the request's scope has done so far, oldest first, without what was skipped."""
    rows = StepRun.objects.filter(scope_id=request.scope_id, is_current=True)
    ended = rows.filter(finished_at__isnull=False).exclude(state="skipped")
    return list(ended.order_by("finished_at", "pk")[:SHOWN])


def _written(graph: Graph, name: str) -> dict[str, JSON]:
    """Give kind, label and settings as the author wrote them, before any expansion."""
    node = graph.nodes[name]
    origin = node.spec.get("origin") or {"kind": node.kind.name, "with": node.settings}
    kind = kind_get(str(origin["kind"]))
    return {"kind": kind.name, "label": kind.label, "with": dict(origin["with"] or {})}


STOPPING = ("stopped", "expired", "error")


def _onward(graph: Graph, step: str) -> set[str]:
    """Give what follows a step where people let it go on."""
    targets = [
        target
        for port, found in graph.nodes[step].outgoing.items()
        if port not in STOPPING
        for target in found
    ]
    return {name for target in targets for name in (target, *graph.after(target))}


def next_steps(request: ApprovalRequest) -> list[dict[str, JSON]]:
    """Give the steps behind the request's own that have not started: `{id, kind, label, with}`."""
    graph = graph_of(request)
    step = request.path.rpartition(".")[2]
    started = StepRun.objects.filter(scope_id=request.scope_id, is_current=True)
    names = set(started.values_list("step", flat=True))
    onward = _onward(graph, step)
    return [
        {
            "id": name,
            **_written(graph, name),
            "is_skipped": graph.nodes[name].spec.get("when") == "false",
        }
        for name in graph.after(step)
        if name not in names and name in onward
    ][:SHOWN]
