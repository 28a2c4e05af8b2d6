import pytest

from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def gate(people):
    """One gate with four decisions: two agreed, one edited, one rejected."""
    of = factories.version()
    answers = [
        {"decision": "approve"},
        {"decision": "approve"},
        {"decision": "approve", "arguments": {"amount": 5.0}},
        {"decision": "reject", "reason": "No"},
    ]
    for amount, answer in zip((50.0, 60.0, 70.0, 400.0), answers, strict=True):
        step_run = factories.waiting_step(starter=people["olga"], of=of)
        bound = factories.action(step_run, arguments={"amount": amount})
        request = factories.request_for(step_run, bound=bound, risk="low")
        approval_decide(
            approval_id=request.pk,
            actor=people["anna"],
            via="token",
            digest=request.digest,
            **answer,
        )
    return of.workflow.slug


def simulate(client, slug, rule):
    return client.get(
        "/autonomy/", {"workflow": slug, "path": "issue", "risk": "low", "rule": rule}
    )


def test_each_gate_and_risk_has_its_record(gate, people, client):
    client.force_login(people["anna"])

    (line,) = client.get("/autonomy/").context["lines"]

    assert (line["total"], line["agreed"], line["edited"], line["rejected"]) == (4, 2, 1, 1)
    assert line["bound"] == pytest.approx(15.0, abs=0.1)
    assert line["seconds"] >= 0
    assert line["kind"] == "wait"


def test_a_simulation_counts_what_people_disagreed_with(gate, people, client):
    client.force_login(people["anna"])

    page = simulate(client, gate, "proposal.arguments.amount < 100.0")

    found = page.context["simulation"]
    assert (found.looked_at, found.passed, found.against_count) == (4, 3, 1)
    assert f"/approvals/APR-{found.against[0].number}/" in page.content.decode()


def test_what_a_rule_cannot_judge_would_have_been_asked(gate, people, client):
    client.force_login(people["anna"])

    found = simulate(client, gate, "proposal.arguments.missing < 100.0").context["simulation"]

    assert (found.passed, found.failed) == (0, 4)


def test_a_rule_that_cannot_be_used_says_why(gate, people, client):
    client.force_login(people["anna"])

    assert simulate(client, gate, "proposal.arguments.amount <").status_code == 422


def test_other_workspaces_learn_nothing(gate, client):
    client.force_login(factories.person("otto", space=factories.workspace("other")))

    page = simulate(client, gate, "true")

    assert page.context["lines"] == []
    assert page.context["simulation"].looked_at == 0
