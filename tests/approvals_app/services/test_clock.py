from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import ApprovalRequest
from approvals_app.services.expire import deadlines_sweep
from tests.approvals_app import factories
from workflows_app.models import InboxFact, RunEvent

pytestmark = pytest.mark.django_db
LADDER = [
    {"after": "1h", "assignees": ["group:leads"]},
    {"after": "2h", "assignees": ["group:heads"]},
]


def sweep():
    return deadlines_sweep(timezone.now())


def moved_back(request, **by):
    """Let so much time have passed since the request."""
    shift = timedelta(**by)
    ApprovalRequest.objects.filter(pk=request.pk).update(
        requested_at=request.requested_at - shift,
        deadline_at=request.deadline_at - shift,
        next_due_at=request.next_due_at - shift,
    )


@pytest.mark.parametrize(
    ("settings", "outcome"),
    [
        ({}, "expired"),
        ({"on_timeout": "deny"}, "expired"),
        ({"on_timeout": "fail"}, "failed"),
        ({"on_timeout": "escalate", "ladder": LADDER}, "expired"),
    ],
)
def test_silence_ends_in_a_denial_or_a_failure(people, nudges, settings, outcome):
    request = factories.request_for(**settings)
    moved_back(request, days=2)

    assert sweep() == 1

    request.refresh_from_db()
    assert (request.state, request.next_due_at) == ("expired", None)
    fact = InboxFact.objects.get(scope=request.scope_id).fact
    assert (fact["outcome"], fact["by"]) == (outcome, "engine")
    assert nudges == [request.scope_id]
    closed = RunEvent.objects.get(run=request.run_id, type="approval.closed")
    assert (closed.from_state, closed.to_state) == ("pending", "expired")


def test_before_its_deadline_a_request_waits(people):
    request = factories.request_for(deadline="30m")
    moved_back(request, minutes=29)

    assert sweep() == 0

    request.refresh_from_db()
    assert request.state == "pending"
    assert not InboxFact.objects.exists()


def test_the_sweep_ends_a_request_once(people):
    moved_back(factories.request_for(), days=2)

    assert [sweep(), sweep()] == [1, 0]

    assert InboxFact.objects.count() == 1


def test_each_rung_asks_more_people_in_its_time(people):
    factories.person("lena", groups=["leads"])
    request = factories.request_for(on_timeout="escalate", ladder=LADDER, deadline="3h")
    moved_back(request, minutes=61)

    assert sweep() == 1

    request.refresh_from_db()
    assert request.state == "pending"
    assert request.assignees == ["group:approvers", "group:leads"]
    assert request.present == ["group:leads"]
    assert request.next_due_at - request.requested_at == timedelta(hours=2)
    event = RunEvent.objects.get(run=request.run_id, type="approval.escalated")
    assert (event.data["rung"], event.data["assignees"]) == (1, ["group:leads"])


def test_a_sweep_that_comes_late_climbs_all_rungs_at_once(people):
    request = factories.request_for(on_timeout="escalate", ladder=LADDER, deadline="3h")
    moved_back(request, minutes=121)

    assert sweep() == 1

    request.refresh_from_db()
    assert (request.state, request.climbed) == ("pending", 2)
    assert RunEvent.objects.filter(type="approval.escalated").count() == 2


def test_an_unanswered_question_gives_an_answer_that_says_so(people):
    step_run = factories.waiting_step(starter=people["olga"], kind="approval")
    moved_back(factories.request_for(step_run), days=2)

    sweep()

    output = InboxFact.objects.get().fact["output"]
    assert output["decision"] == "expired"
    assert set(output) == {"decision", "by", "reason", "arguments", "label", "output"}
