"""Results that a run takes over from the run that it continues, at any depth.

A step's result is kept when it ended well, when its definition and all that leads to it are the
same in both versions, when it does not come after the step that is to run again, and, inside a
body, when that body was begun with the same values and everything before its container was kept.
docs/adr/0008-results-inside-bodies.md says why.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from workflows_app.core.engine import flow
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.graph import Graph
from workflows_app.core.states import STEP_ENDED, StepState
from workflows_app.models import Scope, StepRun
from workflows_app.services.batch import Opened
from workflows_app.services.context import RunContext, version_context
from workflows_app.services.kept_undos import ACTED, undos_lock, undos_take_over
from workflows_app.services.rows import cursor_open

JSON = Any
CARRIES = "carries"  # in a container's progress: its bodies take results over
KEPT = "kept_from"  # in a step's progress: the run that its result is from
CARRYING = ("group", "item", "iteration")  # a visit to a state depends on when triggers came


def results_kept(
    rows: Iterable[StepRun], old: Graph, new: Graph, *, prefix: str, again: str
) -> dict[str, StepRun]:
    """Give the step runs of one scope whose results are kept, by step.

    Args:
        rows: the current step runs of the old scope.
        prefix: the scope's path.
        again: the path of the step that is to run again; empty for none.
    """
    ended = {row.step: row for row in rows if row.state in {one.value for one in STEP_ENDED}}
    rerun = _rerun(new, prefix, again)
    kept: dict[str, StepRun] = {}
    for name in new.order:
        row = ended.get(name)
        usable = row is not None and row.state in (StepState.SUCCEEDED, StepState.SKIPPED)
        if row is None or not usable or name in rerun or not _is_same(old, new, name):
            continue
        if new.nodes[name].kind.name == "end":  # it has to end the scope once more
            continue
        if all(source in kept for source, _port in new.nodes[name].incoming):
            kept[name] = row
    return kept


def _rerun(graph: Graph, prefix: str, again: str) -> set[str]:
    """Give the steps of a scope that run again: the one on the way to `again`, and what follows."""
    for name in graph.order:
        path = f"{prefix}.{name}" if prefix else name
        if again == path or again.startswith((f"{path}.", f"{path}[")):
            return {name, *graph.after(name)}
    return set()


def _is_same(old: Graph, new: Graph, name: str) -> bool:
    before, after = old.nodes.get(name), new.nodes[name]
    return (
        before is not None
        and _spec(before.spec) == _spec(after.spec)
        and sorted(before.incoming) == sorted(after.incoming)
    )


def _spec(spec: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in spec.items() if key != "layout"}


def result_keep(draft: Draft, step: str, row: StepRun) -> None:
    """Take a result over: the step counts as ended, and the record says where it came from."""
    status = draft.add(step)
    status.state = StepState(row.state)
    status.port = row.port
    status.output, status.has_output = row.output, True
    status.input, status.has_input = row.input, True
    status.started_at, status.finished_at = row.started_at, draft.now
    status.progress = {
        KEPT: str(row.run_id),
        ACTED: (row.progress or {}).get(ACTED) or str(row.pk),
    }
    source = f"run {row.run_id}"
    data = {"port": row.port, KEPT: str(row.run_id)}
    draft.record("step.ended", status, "", why=f"its result was kept from {source}", data=data)


def carries(opened: Opened, context: RunContext, status: StepDraft, kind: str) -> bool:
    """Tell whether the bodies that a container opens take results over; remember it there."""
    if context.continues is None or kind not in CARRYING:
        return False
    progress = status.progress or {}
    if CARRIES not in progress:
        sources = _before(opened.draft.graph, status.step)
        whole = all(_is_kept(opened.draft.steps.get(name)) for name in sources)
        progress = {**progress, CARRIES: whole and _is_carried(opened)}
        status.progress = progress
        status.is_changed = True
    return bool(progress[CARRIES])


def _before(graph: Graph, step: str) -> set[str]:
    """Give every step that leads to `step`, near or far."""
    found: set[str] = set()
    todo = [step]
    while todo:
        sources = {source for source, _port in graph.nodes[todo.pop()].incoming}
        todo += sources - found
        found |= sources
    return found


def _is_kept(status: StepDraft | None) -> bool:
    return status is not None and KEPT in (status.progress or {})


def _is_carried(opened: Opened) -> bool:
    """Tell whether the scope itself takes results over: the root does, a body as its container."""
    if opened.row.container_id is None:
        return opened.row.kind == "root"
    cursor = cursor_open()
    cursor.execute(
        "SELECT progress FROM workflows_app_steprun WHERE id = %s", [opened.row.container_id]
    )
    row = cursor.fetchone()
    return bool(row and row[0] and json.loads(row[0]).get(CARRIES))


def scope_keep(opened: Opened, context: RunContext) -> None:
    """Take over what the same body of the run before gave, before the scope is told to begin."""
    known, row = context.continues, opened.row
    if known is None or row.override is not None:
        return
    graph = version_context(known.version).graphs.get(row.body)
    before = _scope_before(known.run, row.path, row.kind, row.body)
    if graph is None or before is None or (before.values or {}) != (row.values or {}):
        return
    steps = list(StepRun.objects.filter(scope=before, is_current=True))
    undos = undos_lock(known.run, [one.pk for one in steps])
    steps = [one for one in steps if one.pk in undos]
    kept = results_kept(steps, graph, opened.draft.graph, prefix=row.path, again=known.path)
    undos_take_over([undo for one in kept.values() for undo in undos[one.pk]], row.run_id)
    for name, result in kept.items():
        result_keep(opened.draft, name, result)
    if kept:
        flow.start_ready(opened.draft, opened.draft.graph.order)


def _scope_before(run: UUID, path: str, kind: str, body: str) -> Scope | None:
    found = Scope.objects.filter(run_id=run, path=path, kind=kind, body=body, override=None)
    return found.order_by("-pk").first()
