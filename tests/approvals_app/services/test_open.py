import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app import factories
from workflows_app.core.action import action_digest
from workflows_app.core.effects import WithdrawApproval
from workflows_app.models import InboxFact, RunEvent

pytestmark = pytest.mark.django_db


def withdraw(step_run):
    effect = WithdrawApproval(
        step_run_id=step_run.pk, why="the run was cancelled", now=factories.timezone.now()
    )
    factories.withdrawn([effect])


def test_a_request_holds_all_that_a_person_needs(people):
    step_run = factories.waiting_step(starter=people["olga"])

    request = factories.request_for(
        step_run,
        details="Two charges, 41 seconds apart",
        recommendation="Full refund",
        confidence=0.86,
        risk="high",
        impact="1,840.00 leaves the account",
        alternatives=[{"summary": "Credit note", "confidence": 0.09}],
        links=[{"label": "Invoice", "url": "https://example.org/88213"}],
        deadline="30m",
        need=2,
    )

    assert request.digest == action_digest(request.action)
    assert request.action == factories.action(step_run)
    assert request.summary == "Refund Nordwind"
    assert (request.confidence, request.risk, request.need) == (0.86, "high", "2")
    assert request.alternatives == [{"summary": "Credit note", "why": "", "confidence": 0.09}]
    assert request.links == [{"label": "Invoice", "url": "https://example.org/88213"}]
    assert request.deadline_at - request.requested_at == factories.timedelta(minutes=30)
    assert request.why == "amount > 500.0"
    assert request.requesters == [people["olga"].pk]
    assert isinstance(request.number, int)
    assert request.reference == f"APR-{request.number}"


def test_the_history_says_that_people_were_asked(people):
    request = factories.request_for()

    event = RunEvent.objects.get(run=request.run_id)
    assert event.type == "approval.requested"
    assert event.path == "issue"
    assert event.data["approval"] == str(request.pk)
    assert event.data["requesters"] == ["user:olga"]


def test_the_requester_set_is_starter_editors_and_credential_setter(people):
    editor, keeper = factories.person("edith"), factories.person("kim")
    factories.credential_set("stripe", people["mallory"])
    factories.credential_set("stripe", keeper)
    step_run = factories.waiting_step(
        starter=people["olga"], of=factories.version(editors=[editor])
    )
    bound = factories.action(step_run, credentials=["stripe"])

    request = factories.request_for(step_run, bound=bound)

    assert set(request.requesters) == {people["olga"].pk, editor.pk, keeper.pk}


@pytest.mark.parametrize("assignees", [[], ["group:nobody"], ["user:olga"]])
def test_a_live_gate_that_nobody_may_answer_is_an_incident(people, nudges, assignees):
    step_run = factories.waiting_step(starter=people["olga"])

    factories.asked([factories.effect_for(step_run, assignees=assignees)])

    assert not ApprovalRequest.objects.exists()
    fact = InboxFact.objects.get(scope=step_run.scope).fact
    assert fact["type"] == "decided"
    assert fact["outcome"] == "incident"
    assert nudges == [step_run.scope_id]


def test_a_critical_gate_with_one_approver_is_an_incident(people):
    step_run = factories.waiting_step(starter=people["olga"])

    factories.asked([factories.effect_for(step_run, assignees=["user:anna"], risk="critical")])

    assert InboxFact.objects.get(scope=step_run.scope).fact["outcome"] == "incident"


def test_a_gate_whose_ladder_reaches_somebody_is_asked(people):
    ladder = [{"after": "1h", "assignees": ["user:anna"]}]

    request = factories.request_for(
        assignees=["group:nobody"], ladder=ladder, on_timeout="escalate"
    )

    assert request.state == "pending"


def test_a_rehearsal_may_ask_only_its_starter(people):
    step_run = factories.waiting_step(starter=people["olga"], mode="rehearsal")

    factories.asked([factories.effect_for(step_run, assignees=["group:nobody"])])

    assert ApprovalRequest.objects.get().mode == "rehearsal"


def test_many_requests_open_together_with_their_own_numbers(people):
    effects = [
        factories.effect_for(factories.waiting_step(starter=people["olga"])) for _ in range(3)
    ]

    factories.asked(effects)

    numbers = ApprovalRequest.objects.values_list("number", flat=True)
    assert len(set(numbers)) == 3
    assert RunEvent.objects.filter(type="approval.requested").count() == 3


def test_a_withdrawn_request_is_closed_and_says_why(people):
    request = factories.request_for()

    withdraw(request.step_run)

    request.refresh_from_db()
    assert (request.state, request.closed_why) == ("withdrawn", "the run was cancelled")
    assert RunEvent.objects.filter(type="approval.closed").get().to_state == "withdrawn"


def test_withdrawing_twice_changes_nothing(people):
    request = factories.request_for()

    withdraw(request.step_run)
    withdraw(request.step_run)

    assert RunEvent.objects.filter(type="approval.closed").count() == 1
