"""Answering in tests, and what became of it."""

from approvals_app.models import Vote
from approvals_app.services.decide import approval_decide
from workflows_app.models import InboxFact, RunEvent, Timer


def decide(request, actor, decision="approve", **given):
    return approval_decide(
        **{
            "approval_id": request.pk,
            "actor": actor,
            "via": "token",
            "decision": decision,
            "digest": request.digest,
            **given,
        }
    )


def fact_of(request):
    return InboxFact.objects.get(scope=request.scope_id).fact


def events_of(request, name="decided"):
    return RunEvent.objects.filter(run=request.run_id, type=f"approval.{name}")


def untouched(request):
    """A refusal proves that nothing changed."""
    before = (request.state, request.digest, request.round)
    request.refresh_from_db()
    assert (request.state, request.digest, request.round) == before
    assert not Vote.objects.filter(request=request).exists()
    assert not InboxFact.objects.filter(scope=request.scope_id).exists()
    assert not Timer.objects.filter(scope=request.scope_id).exists()
    return True
