import pytest

from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories
from workflows_app.errors import Forbidden
from workflows_app.models import AppEvent, Workflow, WorkflowVersion
from workflows_app.services.definitions import workflow_publish

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
        "/autonomy/", {"workflow": slug, "gate": "issue", "risk": "low", "rule": rule}
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


APPROVAL = {"summary": "Refund", "assignees": ["group:approvers"], "risk": "low"}


@pytest.fixture
def drafted(gate):
    """The gate's workflow, whose draft and version hold the gate."""
    step = {"id": "issue", "kind": "transform", "with": {"value": 1}, "approval": APPROVAL}
    document = {"format": 1, "name": "Refund triage", "steps": [step], "edges": []}
    Workflow.objects.filter(slug=gate).update(draft=document)
    WorkflowVersion.objects.filter(workflow__slug=gate).update(definition=document)
    return Workflow.objects.get(slug=gate)


def make(client, of, change="relax", rule="proposal.arguments.amount < 100.0", **more):
    place = {"workflow": of.slug, "gate": "issue", "risk": "low"}
    return client.post("/autonomy/draft/", {**place, "change": change, "rule": rule, **more})


def test_a_suggestion_becomes_a_draft_and_nothing_more(drafted, people, client):
    client.force_login(people["anna"])

    answer = make(client, drafted)

    assert answer.url == f"/workflows/{drafted.slug}/diff/1..draft/"
    drafted.refresh_from_db()
    relax = {"when": "proposal.arguments.amount < 100.0", "sample": 0.05, "least": 0.9}
    assert drafted.draft["steps"][0]["approval"] == {**APPROVAL, "relax": relax}
    assert list(drafted.draft_editors.all()) == [people["anna"]]
    assert drafted.versions.count() == 1
    event = AppEvent.objects.get(type="gate.relax_drafted")
    assert event.data["evidence"] == {"looked_at": 4, "passed": 3, "against": 1}


def test_somebody_else_publishes_a_gate_that_asks_less(drafted, people, client):
    client.force_login(people["anna"])
    make(client, drafted)
    drafted.refresh_from_db()

    with pytest.raises(Forbidden) as refused:
        workflow_publish(workflow=drafted, revision=drafted.revision, actor=people["anna"])

    assert refused.value.code == "second_person"
    assert drafted.versions.count() == 1
    version, is_new = workflow_publish(
        workflow=drafted, revision=drafted.revision, actor=people["ben"]
    )
    assert (version.number, is_new) == (2, True)


def test_tightening_asks_two_people_and_needs_no_second_one(drafted, people, client):
    factories.person("carl", groups=["approvers"])
    client.force_login(people["anna"])

    page = client.get(
        "/autonomy/",
        {"workflow": drafted.slug, "gate": "issue", "risk": "low", "change": "tighten"},
    )
    make(client, drafted, "tighten", rule="")

    found = page.context["tightening"]
    assert (found.looked_at, found.single, found.against_count) == (4, 4, 2)
    drafted.refresh_from_db()
    assert drafted.draft["steps"][0]["approval"]["need"] == 2
    assert workflow_publish(workflow=drafted, revision=drafted.revision, actor=people["anna"])[1]


def test_a_relaxed_gate_is_tightened_by_asking_again(drafted, people, client):
    client.force_login(people["anna"])
    make(client, drafted)

    make(client, drafted, "tighten", rule="")

    drafted.refresh_from_db()
    assert drafted.draft["steps"][0]["approval"] == APPROVAL


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"rule": "proposal.arguments.amount <"}, 422),
        ({"rule": "proposal.arguments.amount + 1.0"}, 422),
        ({"gate": "gone"}, 409),
        ({"workflow": "nowhere"}, 404),
    ],
)
def test_what_cannot_be_drafted_changes_nothing(drafted, people, client, change, status):
    client.force_login(people["anna"])

    answer = make(client, drafted, **change)

    assert answer.status_code == status
    before = drafted.draft
    drafted.refresh_from_db()
    assert drafted.draft == before


def test_a_critical_gate_is_never_relaxed(drafted, people, client):
    drafted.draft["steps"][0]["approval"]["risk"] = "critical"
    drafted.save()
    client.force_login(people["anna"])

    assert make(client, drafted).status_code == 422


def test_only_designers_make_drafts(drafted, people, client):
    client.force_login(factories.person("vera", roles=["viewer"]))

    assert make(client, drafted).status_code == 403


def test_corrections_are_kept_as_examples(gate, people, client):
    client.force_login(people["anna"])

    (row,) = client.get("/api/v1/approvals/examples").json()["items"]

    assert (row["kind"], row["workflow"], row["gate"]) == ("edited", gate, "issue")
    assert (row["proposed"], row["corrected"]) == ({"amount": 70}, {"amount": 5})
    text = client.get("/api/v1/approvals/examples?format=csv").content.decode()
    assert text.splitlines()[0].startswith('"request","workflow"')
    assert '"{""amount"":70' in text


def test_formulas_in_examples_are_harmless():
    from approvals_app.selectors.examples import COLUMNS, examples_csv

    row = dict.fromkeys(COLUMNS, "=cmd()")

    assert '"\'=cmd()"' in examples_csv([row])
