"""A run that stops at people, and their answers."""

from approvals_app.models import ApprovalRequest
from approvals_app.services.decide import approval_decide
from tests.engine_harness import step, until
from workflows_app.models import Run, StepRun

GATE = {"summary": "Send it", "assignees": ["group:approvers"]}


def asked(run):
    until(lambda: ApprovalRequest.objects.filter(run=run, state="pending").exists())
    return ApprovalRequest.objects.get(run=run, state="pending")


def ended(run):
    until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)
    return Run.objects.get(pk=run.pk)


def decide(request, actor, decision="approve", **given):
    given = {"via": "token", "digest": request.digest, **given}
    return approval_decide(approval_id=request.pk, actor=actor, decision=decision, **given)


def reject(request, actor, reason="the wrong customer"):
    return decide(request, actor, "reject", reason=reason)


def acting(id, value=None, name="acts", **more):
    """A step with an effect that can be undone; the fixture `ledger` tells what it did."""
    undo = {"kind": "script", "name": "takes_back", "value": "=output.did"}
    return step(id, name, id if value is None else value, effect="reversible", undo=undo, **more)


def reviewed(id, mode="parallel", **more):
    """The same, looked at after it acted."""
    rework = more.pop("rework", 0)
    return acting(id, review={**GATE, "mode": mode, "rework": rework}, **more)


def incident(run, path):
    waiting = StepRun.objects.filter(run=run, path=path, reason="incident", is_current=True)
    until(waiting.exists)
    return waiting.get()
