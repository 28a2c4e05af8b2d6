"""Gates that ask less: what passes, what is asked all the same, and what ends it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.core.sampling import draw
from approvals_app.models import ApprovalRequest, GateStop, RelaxedPass
from approvals_app.selectors.relaxed import relaxation_of, stop_find
from approvals_app.services.relax import relax_judge
from tests.approvals_app import factories
from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended
from tests.engine_harness import run_make, step, version_make, worker_running
from workflows_app.core.expressions import ExpressionError
from workflows_app.gate_hooks import GateCase
from workflows_app.models import AppEvent, RunEvent, WorkflowVersion

pytestmark = pytest.mark.django_db(transaction=True)
RELAX = {"when": "proposal.arguments.value < 100.0", "sample": 0.05, "least": 0.9}


@pytest.fixture
def drawn(monkeypatch):
    """Let a test say whether the sample takes what passes."""

    def say(number):
        monkeypatch.setattr("approvals_app.services.relax.draw", lambda *parts: number)

    say(0.99)
    return say


def gated(value, **relax):
    gate = {**GATE, "relax": {**RELAX, **relax}}
    return version_make([step("a", "act", value, effect="reversible", approval=gate)])


def go(version, people):
    with worker_running():
        return ended(run_make(version, user=people["olga"]))


def test_what_the_rule_lets_pass_runs_and_is_recorded_once(people, done, drawn):
    run = go(gated(7), people)

    assert (run.state, done) == ("succeeded", [7])
    assert not ApprovalRequest.objects.filter(run=run).exists()
    (event,) = RunEvent.objects.filter(run=run, type__startswith="approval.")
    passed = RelaxedPass.objects.get(run=run)
    assert (event.type, event.why) == ("approval.passed", RELAX["when"])
    assert event.data["digest"] == passed.digest
    assert passed.gate == "a"


@pytest.mark.parametrize(
    ("value", "more", "why"),
    [
        (700, {}, "every time"),
        (None, {}, "its rule could not be answered"),
        (7, {"risk": "critical"}, "critical is always asked"),
    ],
)
def test_everything_else_is_asked(people, done, drawn, value, more, why):
    gate = {**GATE, "relax": RELAX, **more}
    version = version_make([step("a", "act", value, effect="reversible", approval=gate)])
    with worker_running():
        request = asked(run_make(version, user=people["olga"]))

    assert request.why.startswith(why)
    assert not request.is_sampled
    assert done == []


def test_a_sample_is_asked_all_the_same(people, done, drawn):
    drawn(0.01)

    with worker_running():
        run = run_make(gated(7), user=people["olga"])
        request = asked(run)
        assert (request.is_sampled, request.why[:8]) == (True, "sampled:")
        decide(request, people["anna"])
        assert ended(run).state == "succeeded"

    assert done == [7]
    assert RelaxedPass.objects.count() == 0


def test_the_sample_depends_on_the_proposal_alone():
    numbers = [draw("run", f"each[{i}].issue", 0) for i in range(10_000)]

    assert numbers == [draw("run", f"each[{i}].issue", 0) for i in range(10_000)]
    assert 0.04 < sum(number < 0.05 for number in numbers) / 10_000 < 0.06


def case(version, number=0, **more):
    values = {
        "run_id": more.pop("run", None),
        "step_run_id": version.pk,
        "workspace_id": version.workflow.workspace_id,
        "workflow_id": version.workflow_id,
        "version_id": version.pk,
        "path": "a",
        "generation": 0,
        "mode": "live",
        "action": {"arguments": {"value": number}},
        "digest": "d" * 64,
        "relax": RELAX,
        "settings": {},
        "holds": lambda: True,
        **more,
    }
    return GateCase(**values)


def sampled(version, people, answer, count):
    """So many sampled requests of the gate `a`, each answered."""
    for _ in range(count):
        step_run = factories.waiting_step(starter=people["olga"], of=version)
        request = factories.request_for(step_run)
        now = timezone.now() - timedelta(seconds=1)
        ApprovalRequest.objects.filter(pk=request.pk).update(
            is_sampled=True,
            gate="a",
            state=answer,
            decided_at=now,
            effective_at=now,
            closed_at=now,
            next_due_at=None,
        )


def test_disagreement_in_the_sample_tightens_the_gate_and_stays(people, drawn):
    version = gated(7)
    sampled(version, people, "approved", 4)
    assert stop_find(relaxation_of(version.pk, "a")) is None
    sampled(version, people, "rejected", 1)

    ruling = relax_judge(case(version))

    why = "Tightened by itself: people agreed with 4 of 5 in the sample."
    assert (ruling.asks, ruling.why) == (True, why)
    assert GateStop.objects.get().code == "tightened"
    assert AppEvent.objects.get(type="gate.tightened").why == why
    sampled(version, people, "approved", 20)
    assert relax_judge(case(version)).why == why
    assert AppEvent.objects.filter(type="gate.tightened").count() == 1


def next_version(before, **changes):
    """Another version of the same workflow with its steps' settings changed."""
    definition = dict(before.definition)
    (only,) = definition["steps"]
    approval = {**only["approval"], **changes.pop("approval", {})}
    definition["steps"] = [{**only, "with": {**only["with"], **changes}, "approval": approval}]
    number = before.workflow.versions.count() + 1
    return WorkflowVersion.objects.create(
        workflow=before.workflow,
        number=number,
        digest=f"{number}" * 64,
        definition=definition,
        expanded=before.expanded,
        pins={},
    )


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"prompt": "New"}, "the prompt of a"), ({"model": "large"}, "the model of a")],
)
def test_a_new_prompt_or_model_makes_the_gate_supervised_again(people, drawn, changed, what):
    version = gated(7)
    assert stop_find(relaxation_of(version.pk, "a")) is None

    newer = next_version(version, **changed)

    code, why = stop_find(relaxation_of(newer.pk, "a"))
    assert code == "reset"
    assert why == f"Supervised again: {what} changed since the evidence was gathered."
    assert relax_judge(case(newer)).asks
    assert AppEvent.objects.get(type="gate.reset").data == {"gate": "a", "version": 2}
    assert stop_find(relaxation_of(next_version(newer, **changed).pk, "a"))[0] == "reset"


def test_a_change_that_comes_with_the_rule_has_no_evidence_either(people):
    version = version_make([step("a", "act", 7, approval=GATE)])

    newer = next_version(version, prompt="New", approval={"relax": RELAX})

    assert stop_find(relaxation_of(newer.pk, "a"))[0] == "reset"


def test_a_rule_that_is_published_anew_begins_anew(people, drawn):
    version = gated(7)
    sampled(version, people, "rejected", 5)
    assert relax_judge(case(version)).asks

    newer = next_version(version, approval={"relax": {**RELAX, "when": "true"}})

    assert relaxation_of(newer.pk, "a").since == 2
    assert stop_find(relaxation_of(newer.pk, "a")) is None


def test_a_rule_that_errs_asks(people, drawn):
    def holds():
        raise ExpressionError("no_such_field", "no such field")

    ruling = relax_judge(case(gated(7), holds=holds))

    assert ruling.asks
    assert "could not be answered" in ruling.why
