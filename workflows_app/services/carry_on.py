"""Going on with another version: a new run that keeps the results of unchanged steps.

A step's result is kept when it ended, when its definition and all that leads to it are the
same in both versions, and when it does not come after the step that is to run again.
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from workflows_app import notify
from workflows_app.core.graph import Graph
from workflows_app.core.states import RUN_TERMINAL, STEP_ENDED, RunState, StepState
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import Run, StepRun, User, WorkflowVersion
from workflows_app.services.context import version_context
from workflows_app.services.control import refuse
from workflows_app.services.inputs import input_check
from workflows_app.services.start import runs_insert, start_check

JSON = Any


def run_carry_on(
    *,
    run_id: Any,
    version: int,
    actor: str,
    user: User | None = None,
    path: str | None = None,
    reason: str = "",
    input: JSON = None,
) -> Run:
    """Start a run of another version of the workflow that keeps what did not change.

    Raises:
        IllegalState: the run goes on.
        NotFound: there is no such run or version.
        Invalid: the path names no step of the workflow's first level, or the input does not fit.
    """
    run = Run.objects.select_related("version", "workflow").filter(pk=run_id).first()
    if run is None:
        raise NotFound("there is no such run")
    found = WorkflowVersion.objects.filter(workflow_id=run.workflow_id, number=version).first()
    if found is None:
        raise NotFound(f"there is no version {version} of this run's workflow")
    if RunState(run.state) not in RUN_TERMINAL and run.state != RunState.PAUSED:
        refuse(run, "retry")
    start_check(version=found, mode=run.mode)
    value = run.input if input is None else input
    input_check(found, value)
    new, old = version_context(found.pk).graphs[""], version_context(run.version_id).graphs[""]
    step = (path or str((run.error or {}).get("path") or "")).split(".")[0].split("[")[0]
    if path and step not in new.nodes:
        raise Invalid(f"version {version} has no step {step}", code="unknown_step")
    same_input = input is None
    kept = kept_results(run, old, new, step) if same_input else {}
    with transaction.atomic():
        fresh = runs_insert(
            version=version_context(found.pk),
            inputs=[value],
            mode=run.mode,
            user_id=user.pk if user else run.started_by_id,
            actor=actor,
            via=f"run:{run.number}",
            continued_from=run.pk,
            kept=kept,
            why=reason or f"goes on from run {run.number} with version {version}",
        )[0]
        transaction.on_commit(lambda: notify.runs_ready([fresh.pk]))
    return fresh


def kept_results(run: Run, old: Graph, new: Graph, step: str) -> dict[str, StepRun]:
    """Give the step runs of the first level whose results the new run takes over."""
    again = {step, *new.after(step)} if step in new.nodes else set()
    rows = StepRun.objects.filter(run=run, scope__kind="root", is_current=True)
    ended = {row.step: row for row in rows if row.state in {one.value for one in STEP_ENDED}}
    kept: dict[str, StepRun] = {}
    for name in new.order:
        row = ended.get(name)
        usable = row is not None and row.state in (StepState.SUCCEEDED, StepState.SKIPPED)
        if row is None or not usable or name in again or not _is_same(old, new, name):
            continue
        if all(source in kept for source, _port in new.nodes[name].incoming):
            kept[name] = row
    return kept


def _is_same(old: Graph, new: Graph, name: str) -> bool:
    before, after = old.nodes.get(name), new.nodes[name]
    return (
        before is not None
        and _spec(before.spec) == _spec(after.spec)
        and sorted(before.incoming) == sorted(after.incoming)
    )


def _spec(spec: Mapping[str, JSON]) -> dict[str, JSON]:
    return {key: value for key, value in spec.items() if key != "layout"}
