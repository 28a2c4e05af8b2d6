"""Steering steps: retry from one, skip it, let it fail; on incidents, paused and ended runs.

A retry locks the step's scope and then every scope around it, from the inside out, and lets
what follows the step, and then what follows each container, be settled again.
"""

from typing import Any
from uuid import UUID

from workflows_app import notify
from workflows_app.core.facts import StepGivenUp, StepPassed
from workflows_app.core.states import RUN_TERMINAL, RunState, StepState, WaitReason
from workflows_app.errors import IllegalState, Invalid, NotFound
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services.apply import facts_apply, scopes_settle
from workflows_app.services.batch import ScopeFact
from workflows_app.services.control import refuse
from workflows_app.services.rewind import rewind, rewind_scope

JSON = Any


def run_retry(
    *, run_id: UUID, actor: str, reason: str = "", path: str | None = None, input: JSON = None
) -> Run:
    """Run a step again and what follows it; without a path, the step that failed the run.

    Raises:
        IllegalState: the run goes on and the step is no incident.
        NotFound: no step or item has that path.
    """
    run = _run(run_id)
    path = path or _failed_path(run)
    step_run = _step(run, path)
    _check(run, step_run, "retry")
    if step_run is not None and _needs_rewind(run, step_run):
        return rewind(run, step_run, actor=actor, reason=reason, input=input, output=None)
    if step_run is None:
        return rewind_scope(run, path, actor=actor, reason=reason)
    return rewind(run, step_run, actor=actor, reason=reason, input=input, output=None)


def run_skip(
    *, run_id: UUID, actor: str, path: str | None = None, reason: str = "", output: JSON = None
) -> Run:
    """Pass a step over: it gives `output` and takes `done`.

    Raises:
        IllegalState: the run goes on and the step is no incident.
        NotFound: no step has that path.
    """
    run = _run(run_id)
    step_run = _step(run, path or _failed_path(run))
    _check(run, step_run, "skip")
    if step_run is None:
        raise NotFound(f"no step of this run has the path {path}")
    if step_run.state in ("ready", "waiting"):
        fact = StepPassed(step_run=step_run.pk, actor=actor, reason=reason, output=output)
        return _tell(run, step_run, fact)
    return rewind(run, step_run, actor=actor, reason=reason, input=None, output=output, skips=True)


def run_fail(*, run_id: UUID, actor: str, path: str | None = None, reason: str = "") -> Run:
    """Let a step that waits as an incident fail.

    Raises:
        IllegalState: the step is no incident.
        NotFound: no step has that path.
    """
    run = _run(run_id)
    step_run = _step(run, path or _incident_path(run))
    if step_run is None:
        raise NotFound(f"no step of this run has the path {path}")
    if step_run.reason != WaitReason.INCIDENT:
        refuse(run, "fail")
    if Scope.objects.filter(pk=step_run.scope_id, kind="undo").exists():
        message = "an undo is retried, or skipped with a reason: others wait behind it"
        raise IllegalState(message, allowed=["retry", "skip"])
    return _tell(run, step_run, StepGivenUp(step_run=step_run.pk, actor=actor, reason=reason))


def _run(run_id: UUID) -> Run:
    try:
        return Run.objects.get(pk=run_id)
    except Run.DoesNotExist:
        raise NotFound("there is no such run") from None


def _failed_path(run: Run) -> str:
    incident = _incident_path(run)
    if incident:
        return incident
    path = (run.error or {}).get("path")
    if not path:
        raise Invalid("say which step: `path`", code="path_needed")
    return str(path)


def _incident_path(run: Run) -> str:
    found = StepRun.objects.filter(run=run, is_current=True, reason="incident").order_by("ready_at")
    return found.values_list("path", flat=True).first() or ""


def _step(run: Run, path: str) -> StepRun | None:
    found = StepRun.objects.filter(run=run, path=path, is_current=True)
    return found.order_by("-generation").first()


def _check(run: Run, step_run: StepRun | None, action: str) -> None:
    state = RunState(run.state)
    is_incident = step_run is not None and step_run.reason == WaitReason.INCIDENT
    if state in RUN_TERMINAL or is_incident:
        return
    if state is RunState.PAUSED and not _is_taking_back(run):
        return
    refuse(run, action)


def _is_taking_back(run: Run) -> bool:
    """A step whose effect is being undone stays as it is until that is over."""
    found = StepRun.objects.filter(run=run, is_current=True, state=StepState.COMPENSATING.value)
    return found.exists()


def _needs_rewind(run: Run, step_run: StepRun) -> bool:
    return step_run.reason != WaitReason.INCIDENT


def _tell(run: Run, step_run: StepRun, fact: Any) -> Run:
    applied = facts_apply([ScopeFact(scope_id=step_run.scope_id, run_id=run.pk, fact=fact)])
    notify.runs_ready(applied.ready_runs | scopes_settle(applied.touched))
    return Run.objects.get(pk=run.pk)
