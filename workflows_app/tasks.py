"""Thin Celery tasks: a message is a nudge, the rows say what there is to do."""

from uuid import UUID

from celery import shared_task

from workflows_app.worker_process import worker_current


@shared_task(name="workflows.runs_advance", ignore_result=True)
def runs_advance_task(run_ids: list[str]) -> None:
    """Carry out what is ready in these runs."""
    worker = worker_current()
    unheard = worker.ear.unheard(UUID(run_id) for run_id in run_ids)
    if unheard:
        worker.advance(unheard)


@shared_task(name="workflows.steps_advance", ignore_result=True)
def steps_advance_task() -> None:
    """Carry out whatever is ready."""
    worker_current().advance()
