"""Runs and their step runs, as one who asks may see them."""

from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from workflows_app.core.states import RUN_TERMINAL, RunState, StepState, WaitReason
from workflows_app.errors import NotFound
from workflows_app.models import Attempt, Run, StepRun, Undo
from workflows_app.selectors.people import Actor, workspace_ids_of
from workflows_app.selectors.shown import run_shown

HEAVY = ("workflow__draft", "version__definition", "version__expanded", "version__pins")
GOING_ON = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.WAITING})
ACTIONS: dict[str, frozenset[RunState]] = {
    "pause": GOING_ON,
    "resume": frozenset({RunState.PAUSED}),
    "cancel": GOING_ON | {RunState.PAUSED},
    "retry": RUN_TERMINAL | {RunState.PAUSED},
    "skip": RUN_TERMINAL | {RunState.PAUSED},
    "fail": frozenset(),
    "rollback": RUN_TERMINAL,
}
WITH_INCIDENT = frozenset({"retry", "skip"})
UNDOS_SHOWN = 50


def run_actions(
    state: str, *, has_incident: bool, has_undo: bool, may_fail: bool | None = None
) -> list[str]:
    """Give the control calls that a run in `state` allows now, by name.

    An incident is answered by retry, skip or fail while the run goes on; a rollback wants
    something that can be undone.

    Args:
        may_fail: one of the incidents may; an undo is retried or skipped, for others wait behind
            it. None: as if every one might.
    """
    fails = has_incident if may_fail is None else may_fail
    return [
        action
        for action, states in ACTIONS.items()
        if (
            state in states
            or (has_incident and action in WITH_INCIDENT)
            or (fails and action == "fail")
        )
        and (has_undo or action != "rollback")
    ]


def _condition(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())


def incidents(run: UUID | OuterRef) -> QuerySet[StepRun]:
    """Give the steps of a run whose outcome a person has to settle."""
    return StepRun.objects.filter(
        run_id=run,
        state=StepState.WAITING.value,
        reason=WaitReason.INCIDENT.value,
        is_current=True,
    )


def may_fail(found: QuerySet[StepRun]) -> QuerySet[StepRun]:
    """Give those incidents that a person may let fail: no undo."""
    return found.exclude(scope__kind="undo")


def _incident(found: QuerySet[StepRun]) -> ExpressionWrapper:
    return _condition(Q(finished_at=None) & Q(Exists(found)))


def _undo() -> ExpressionWrapper:
    armed = Undo.objects.filter(run_id=OuterRef("pk"), state="armed")
    return _condition(Q(finished_at__isnull=False) & Q(Exists(armed)))


def _visible(actor: Actor) -> QuerySet[Run]:
    runs = Run.objects.filter(workspace_id__in=workspace_ids_of(actor))
    runs = runs.select_related("workflow", "version", "workspace").defer(*HEAVY)
    waiting = incidents(OuterRef("pk"))
    return runs.annotate(
        has_incident=_incident(waiting),
        has_failable=_incident(may_fail(waiting)),
        has_undo=_undo(),
    )


def run_list(
    *,
    actor: Actor,
    state: RunState | str | None = None,
    workflow: str | None = None,
    mode: str | None = None,
) -> QuerySet[Run]:
    """Give the runs that `actor` may see, newest first, to be shown without more queries.

    Args:
        workflow: a slug.
    """
    runs = _visible(actor).order_by("-number")
    if state:
        runs = runs.filter(state=str(state))
    if workflow:
        runs = runs.filter(workflow__slug=workflow)
    return runs.filter(mode=mode) if mode else runs


def run_get(*, actor: Actor, run_id: UUID | None = None, number: int | None = None) -> Run:
    """Give one run by its id or its number.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = run_shown(workspaces=workspace_ids_of(actor), run_id=run_id, number=number)
    if found is None:
        raise NotFound("There is no such run.")
    return found


def run_shape(run: Run) -> dict[str, Any]:
    """Give a run as the API and the pages show it; take it from `run_get` or `run_list`."""
    number = run.version.number
    parent = {"run": run.parent_id, "path": run.parent_path} if run.parent_id else None
    return {
        "id": run.pk,
        "number": run.number,
        "workflow": run.workflow.slug,
        "version": "draft" if number is None else number,
        "mode": run.mode,
        "state": run.state,
        "input": run.input,
        "output": run.output,
        "error": run.error,
        "degraded": run.degraded or [],
        "usage": {
            "input_tokens": run.input_tokens,
            "output_tokens": run.output_tokens,
            "cost_usd": run.cost_usd,
        },
        "parent": parent,
        "actions": run_actions(
            run.state,
            has_incident=run.has_incident,  # type: ignore[attr-defined]
            has_undo=run.has_undo,  # type: ignore[attr-defined]
            may_fail=run.has_failable,  # type: ignore[attr-defined]
        ),
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }


def step_run_list(
    *, run: Run, path: str | None = None, current_only: bool = False
) -> QuerySet[StepRun]:
    """Give the step runs of a run in the order in which they came about.

    Args:
        run: one that the asker may see, from `run_get`.
        path: one path, or with `*` at its end all that begin so.
        current_only: leave superseded generations out.
    """
    steps = StepRun.objects.filter(run_id=run.pk).order_by("pk")
    if path and path.endswith("*"):
        steps = steps.filter(path__startswith=path[:-1])
    elif path:
        steps = steps.filter(path=path)
    return steps.filter(is_current=True) if current_only else steps


def step_run_get(*, run: Run, path: str, generation: int | None = None) -> StepRun:
    """Give the step run at a path, the current generation unless another is named.

    Raises:
        NotFound: the run has none there.
    """
    steps = StepRun.objects.filter(run_id=run.pk, path=path)
    wanted = Q(is_current=True) if generation is None else Q(generation=generation)
    found = steps.filter(wanted).order_by("-generation").first()
    if found is None:
        raise NotFound(f"The run has no step at {path}.")
    return found


def waiting_for(step: StepRun) -> dict[str, Any] | None:
    """Give `{reason, approval, event, until}` while the step waits."""
    if step.state != StepState.WAITING.value:
        return None
    known = step.waiting or {}
    if step.reason == WaitReason.EXCLUSIVE.value or "on" in known:  # its time is no end of that
        known = {name: value for name, value in known.items() if name != "until"}
    return {
        "reason": step.reason,
        **{name: known.get(name) for name in ("approval", "event", "until")},
    }


def step_run_shape(step: StepRun) -> dict[str, Any]:
    """Give a step run as the API and the pages show it."""
    return {
        "path": step.path,
        "step": step.step,
        "kind": step.kind,
        "generation": step.generation,
        "state": step.state,
        "port": step.port,
        "attempt": step.attempt,
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "waiting_for": waiting_for(step),
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def undo_list(*, run: Run) -> QuerySet[Undo]:
    """Give what can be undone of a run, newest first."""
    return Undo.objects.filter(run_id=run.pk, state="armed").order_by("-ordinal")[:UNDOS_SHOWN]


def attempt_list(*, step_run: StepRun) -> QuerySet[Attempt]:
    """Give the attempts of a step run, first to last."""
    return Attempt.objects.filter(step_run_id=step_run.pk).order_by("number", "pk")
