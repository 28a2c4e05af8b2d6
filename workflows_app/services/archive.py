"""Putting a workflow away, with what becomes of the runs that are going on."""

from django.db import transaction
from django.db.models.functions import Now

from workflows_app.errors import IllegalState
from workflows_app.models import Run, User, Workflow
from workflows_app.selectors.definitions import version_newest
from workflows_app.services.control import run_cancel
from workflows_app.services.definitions import draft_lock, draft_record


@transaction.atomic
def workflow_archive(*, workflow: Workflow, actor: User, archived: bool = True) -> Workflow:
    """Take a workflow out of the lists and stop its triggers, or bring it back.

    Runs in flight go on.
    """
    held = draft_lock(workflow)
    held.archived_at = Now() if archived else None
    held.save(update_fields=["archived_at"])
    if archived:
        held.triggers.update(is_active=False)
    else:
        newest = version_newest(workflow=held)
        held.triggers.filter(version=newest).update(is_active=True)
    draft_record(held, "workflow.archived" if archived else "workflow.restored", actor, None)
    held.refresh_from_db(fields=["archived_at"])
    return held


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
