"""Putting a workflow away, with what becomes of the runs that are going on."""

from workflows_app.errors import IllegalState
from workflows_app.models import Run, User, Workflow
from workflows_app.services.control import run_cancel
from workflows_app.services.definitions import workflow_archive


def workflow_put_away(*, workflow: Workflow, actor: User, cancels_runs: bool) -> int:
    """Archive a workflow; gives how many of its open runs were cancelled.

    Runs that are not cancelled go on to their end; those that end meanwhile are left alone.
    """
    workflow_archive(workflow=workflow, actor=actor, archived=True)
    if not cancels_runs:
        return 0
    count = 0
    open_runs = Run.objects.filter(workflow=workflow, finished_at__isnull=True, parent=None)
    for run_id in open_runs.values_list("pk", flat=True):
        try:
            run_cancel(
                run_id=run_id,
                actor=f"user:{actor.username}",
                reason=f"the workflow {workflow.slug} was archived",
            )
        except IllegalState:
            continue
        count += 1
    return count
