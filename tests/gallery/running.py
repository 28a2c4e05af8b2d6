"""Starting, answering and driving runs of the gallery."""

import threading
from contextlib import contextmanager

from django.db import connection

from approvals_app.models import ApprovalRequest
from approvals_app.services.decide import approval_decide
from tests.engine_harness import at_rest, until, worker_running
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.gallery.catalog import sample_get
from workflows_app.gallery.models import SampleEffect
from workflows_app.models import Run, User
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.start import run_start
from workflows_app.services.sweep import sweep_forever


@contextmanager
def product_running():
    """Run a worker and the sweeper, as every installation does."""
    stop = threading.Event()
    sweeper = threading.Thread(target=sweep_forever, args=[stop])
    with worker_running():
        sweeper.start()
        try:
            yield
        finally:
            stop.set()
            sweeper.join()


def example(slug, number=0):
    return sample_get(slug).definition["input"]["examples"][number]


def start(workflow, value, *, mode="live"):
    run, _ = run_start(
        workflow=workflow,
        version=workflow.versions.get(number=1),
        input=value,
        mode=mode,
        user=User.objects.get(username="owner"),
        actor="user:owner",
        via="test",
    )
    return run


def rest(run):
    until(lambda: at_rest(run.pk), seconds=30)
    connection.close()
    run.refresh_from_db()
    return run


def end(run):
    until(lambda: Run.objects.get(pk=run.pk).state in RUN_TERMINAL, seconds=30)
    connection.close()
    run.refresh_from_db()
    return run


def pending(run):
    return list(ApprovalRequest.objects.filter(run_id=run.pk, state="pending").order_by("path"))


def answer(request, decision="approve", *, by="reviewer", **more):
    return approval_decide(
        approval_id=request.pk,
        actor=principal_of_user(User.objects.get(username=by), via="session"),
        via="api",
        decision=decision,
        digest=request.digest,
        reason=more.pop("reason", "as agreed"),
        undo_seconds=0,
        **more,
    )


def acts_of(tool):
    return SampleEffect.objects.filter(tool=tool)
