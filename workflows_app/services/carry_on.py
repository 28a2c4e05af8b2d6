"""Going on with another version: a new run that keeps the results of unchanged steps.

What is kept, at the first level and inside bodies, `kept.py` says.
"""

from typing import Any
from uuid import UUID

from django.db import transaction

from workflows_app import notify
from workflows_app.core.states import RUN_TERMINAL, RunState
from workflows_app.errors import Invalid, NotFound
from workflows_app.models import Run, StepRun, User, WorkflowVersion
from workflows_app.services.context import version_context
from workflows_app.services.control import refuse
from workflows_app.services.inputs import input_check
from workflows_app.services.kept import results_kept
from workflows_app.services.kept_undos import undos_lock, undos_take_over
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
    again = path or str((run.error or {}).get("path") or "")
    if path and not any(_leads_to(name, path) for name in new.nodes):
        raise Invalid(f"version {version} has no step {path}", code="unknown_step")
    kept, is_same_input = {}, input is None or input == run.input
    undos: dict[UUID, list[int]] = {}
    with transaction.atomic():
        if is_same_input:
            found_rows = StepRun.objects.filter(run=run, scope__kind="root", is_current=True)
            undos = undos_lock(run.pk, [row.pk for row in found_rows])
            rows = [row for row in found_rows if row.pk in undos]
            kept = results_kept(rows, old, new, prefix="", again=again)
        fresh = runs_insert(
            version=version_context(found.pk),
            inputs=[value],
            mode=run.mode,
            user_id=user.pk if user else run.started_by_id,
            actor=actor,
            via=f"run:{run.number}",
            continued_from=run.pk,
            continued_path=again if is_same_input else None,
            kept=kept,
            why=reason or f"goes on from run {run.number} with version {version}",
        )[0]
        undos_take_over([undo for row in kept.values() for undo in undos[row.pk]], fresh.pk)
        transaction.on_commit(lambda: notify.runs_ready([fresh.pk]))
    return fresh


def _leads_to(step: str, path: str) -> bool:
    """Tell whether a path lies at or inside a step of the first level."""
    return path == step or path.startswith((f"{step}.", f"{step}["))
