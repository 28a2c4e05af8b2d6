"""Runs in flight when a version is published: they finish on theirs, or go on with the new one.

Going on is a new run that keeps the results of unchanged steps. Only a run that certainly did
nothing that would be done twice is moved: it waits, and all that it waits for is an answer, an
event or a time, at its first level.
"""

from django.db.models import Exists, OuterRef, QuerySet

from workflows_app.core.states import STEP_ENDED, RunState, WaitReason
from workflows_app.errors import Conflict, DomainError
from workflows_app.models import Run, StepRun, User, Workflow, WorkflowVersion
from workflows_app.services.carry_on import run_carry_on
from workflows_app.services.control import run_cancel, run_pause, run_resume

HARMLESS = tuple(
    reason.value
    for reason in (
        WaitReason.APPROVAL,
        WaitReason.CHECKPOINT,
        WaitReason.EVENT,
        WaitReason.TIMER,
    )
)


def runs_in_flight(*, workflow: Workflow) -> QuerySet[Run]:
    """Give the open runs of published versions that nobody's step started."""
    return Run.objects.filter(
        workflow=workflow, finished_at__isnull=True, parent=None, version__number__isnull=False
    )


def runs_movable(*, workflow: Workflow) -> QuerySet[Run]:
    """Give those that can go on with another version without doing anything twice."""
    open_steps = StepRun.objects.filter(run=OuterRef("pk"), is_current=True).exclude(
        state__in=[state.value for state in STEP_ENDED]
    )
    at_work = open_steps.exclude(state="waiting", reason__in=HARMLESS, is_container=False)
    return runs_in_flight(workflow=workflow).filter(
        Exists(open_steps), ~Exists(at_work), state=RunState.WAITING.value
    )


def runs_move_on(*, version: WorkflowVersion, actor: User) -> tuple[int, int]:
    """Let what can be moved go on with this version; gives how many moved and how many stayed.

    Who started a run stays its starter, so nobody may approve what they asked for.
    """
    moved = stayed = 0
    reason = f"goes on with version {version.number}"
    older = runs_movable(workflow=version.workflow).exclude(version=version)
    for run in older.order_by("number"):
        try:
            _move(run, version, f"user:{actor.username}", reason)
        except DomainError:
            stayed += 1
        else:
            moved += 1
    return moved, stayed


def _move(run: Run, version: WorkflowVersion, actor: str, reason: str) -> None:
    """Hold the run, begin the new one, end the old one; what fails lets the old one go on."""
    run_pause(run_id=run.pk, actor=actor, reason=reason)
    try:
        if StepRun.objects.filter(run=run, is_current=True, state="running").exists():
            raise Conflict("A step of it has begun meanwhile.")
        run_carry_on(
            run_id=run.pk, version=version.number or 0, actor=actor, user=None, reason=reason
        )
    except DomainError as error:
        run_resume(run_id=run.pk, actor=actor, reason=error.message)
        raise
    run_cancel(run_id=run.pk, actor=actor, reason=reason)
