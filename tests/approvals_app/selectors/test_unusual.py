import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals_app.models import ApprovalRequest
from approvals_app.selectors.batches import batches_of
from approvals_app.selectors.unusual import facts_find, warnings_of
from approvals_app.services.decide import approval_decide
from approvals_app.services.examine import facts_sweep
from tests.approvals_app import factories
from workflows_app.models import WorkflowVersion

pytestmark = pytest.mark.django_db


def ask(people, of, path="issue", **arguments):
    step_run = factories.waiting_step(starter=people["olga"], of=of)
    step_run.path = path
    step_run.save()
    bound = factories.action(step_run, arguments=arguments)
    return factories.request_for(step_run, bound=bound, risk="low", confidence=0.9)


def approve(people, request):
    approval_decide(
        approval_id=request.pk,
        actor=people["anna"],
        via="token",
        decision="approve",
        digest=request.digest,
    )


@pytest.fixture
def of(people):
    """A gate at which 12 requests about three customers were approved."""
    made = factories.version(editors=[])
    for i in range(12):
        request = ask(people, made, f"each[{i}].issue", customer=f"cus_{i % 3}", amount=100.0)
        approve(people, request)
    return made


def test_a_request_is_compared_with_what_its_customer_was_granted(people, of):
    request = ask(people, of, "each[40].issue", customer="cus_1", amount=620.0)

    (fact,) = warnings_of(request)

    assert fact["code"] == "entity_amount"
    assert fact["text"] == "amount is 6.2 times this customer's median (100 in 4 approved)."
    found = ApprovalRequest.objects.filter(number__in=fact["requests"])
    assert {one.entity for one in found} == {"cus_1"}


def test_what_was_rejected_is_no_standard(people, of):
    for _ in range(5):
        request = ask(people, of, "each[3].issue", customer="cus_9", amount=9000.0)
        approval_decide(
            approval_id=request.pk,
            actor=people["anna"],
            via="token",
            decision="reject",
            reason="No",
            digest=request.digest,
        )

    again = ask(people, of, "each[3].issue", customer="cus_9", amount=9000.0)

    assert [fact["code"] for fact in warnings_of(again)] == ["gate_amount"]


def test_the_sweep_stores_the_facts_and_they_stay(people, of):
    request = ask(people, of, "each[1].issue", customer="cus_1", amount=620.0)

    assert facts_sweep(timezone.now()) == 1
    assert facts_sweep(timezone.now()) == 0

    request.refresh_from_db()
    assert [fact["code"] for fact in request.unusual] == ["entity_amount"]
    with CaptureQueriesContext(
        connection,
    ) as queries:
        warnings_of(request)
    assert len(queries) == 0


def test_the_queries_are_bounded_by_gates_not_by_requests(people, of):
    few = [ask(people, of, "each[1].issue", customer="cus_1", amount=100.0) for _ in range(2)]
    many = [ask(people, of, "each[1].issue", customer=f"c{i}", amount=100.0) for i in range(12)]

    with CaptureQueriesContext(connection) as for_few:
        facts_find(few)
    with CaptureQueriesContext(connection) as for_many:
        facts_find(many)

    assert len(for_few) == len(for_many) <= 8


def test_a_new_prompt_is_told_with_the_two_versions(people, of):
    def definition(prompt):
        step = {"id": "each", "kind": "map", "with": {"prompt": prompt}}
        return {"format": 1, "steps": [step], "edges": []}

    WorkflowVersion.objects.filter(pk=of.pk).update(definition=definition("A"))
    newer = WorkflowVersion.objects.create(
        workflow=of.workflow,
        number=2,
        digest="f" * 64,
        definition=definition("B"),
        expanded={"steps": [], "edges": []},
        pins={},
    )
    request = ask(people, newer, "each[1].issue", customer="cus_1", amount=100.0)

    (fact,) = warnings_of(request)

    assert fact["text"] == "The prompt of each changed with version 2; nothing was decided since."
    assert fact["versions"] == [1, 2]


def test_a_batch_leaves_out_what_is_unusual(people, of):
    alike = [ask(people, of, "issue", customer="cus_1", amount=100.0) for _ in range(4)]
    odd = ask(people, of, "issue", customer="cus_1", amount=100.0)
    odd.unusual = [{"code": "x", "text": "odd", "requests": [], "versions": []}]

    (batch,) = batches_of([*alike, odd])

    assert batch.requests == alike


def test_the_page_shows_each_fact_with_its_evidence(people, of, client):
    request = ask(people, of, "each[1].issue", customer="cus_1", amount=620.0)
    client.force_login(people["anna"])

    text = client.get(f"/approvals/APR-{request.number}/").content.decode()

    assert "One thing is unusual here" in text
    number = warnings_of(request)[0]["requests"][0]
    assert f'<a class="link" href="/approvals/APR-{number}/">' in text
