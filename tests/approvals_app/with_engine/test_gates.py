"""The whole way: a run stops at people, a person answers, and exactly that goes on."""

import pytest

from approvals_app.models import ApprovalRequest
from approvals_app.services.expire import deadlines_sweep
from approvals_app.services.undo import approval_undo
from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended
from tests.engine_harness import edges, run_make, states, step, until, version_make, worker_running
from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.services.control import run_cancel

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_gated_step_acts_only_once_it_is_approved(people, done):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: Run.objects.get(pk=run.pk).state == "waiting")
        waiting = StepRun.objects.get(run=run)
        assert (done, waiting.waiting["approval"]) == ([], str(request.pk))
        assert waiting.effect == "reversible"

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert done == [7]
    types = list(
        RunEvent.objects.filter(run=run, type__startswith="approval.")
        .order_by("sequence")
        .values_list("type", flat=True)
    )
    assert types == ["approval.requested", "approval.decided"]


def test_an_edit_is_what_runs(people, done):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)

        decide(request, people["anna"], arguments={**request.action["arguments"], "value": 3})

        assert ended(run).state == "succeeded"
    assert done == [3]


def test_a_rejection_takes_its_port(people, done):
    version = version_make([step("a", "act", approval=GATE), step("b")], edges("a.rejected>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], "reject", reason="No")

        assert ended(run).state == "succeeded"
    assert (done, states(run)) == ([], {"a": "skipped", "b": "succeeded"})


def test_a_rejection_that_leads_nowhere_fails_the_run(people, done):
    version = version_make([step("a", "act", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], "reject", reason="No")

        assert ended(run).error["code"] == "rejected"
    assert done == []


def test_whoever_takes_over_gives_the_output(people, done):
    version = version_make([step("a", "act", approval=GATE)], output={"got": "=steps.a.output"})
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], "take_over", output={"by": "hand"})

        assert ended(run).output == {"got": {"by": "hand"}}
    assert done == []


def test_a_question_gives_its_answer(people):
    question = {"id": "ask", "kind": "approval", "with": {**GATE, "form": {"type": "object"}}}
    version = version_make([question], output={"answer": "=steps.ask.output"})
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], output={"n": 1}, label="refund")

        answer = ended(run).output["answer"]
    assert answer["decision"] == "approve"
    assert (answer["by"], answer["label"], answer["output"]) == ("user:anna", "refund", {"n": 1})


def test_a_missed_deadline_never_approves(people, done):
    gate = {**GATE, "deadline": "50ms"}
    version = version_make([step("a", "act", approval=gate), step("b")], edges("a.expired>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        until(lambda: deadlines_sweep(None) == 1)

        assert ended(run).state == "succeeded"
    assert (done, states(run)) == ([], {"a": "skipped", "b": "succeeded"})
    assert ApprovalRequest.objects.get(run=run).state == "expired"


def test_an_undone_decision_leaves_the_run_waiting(people, done):
    version = version_make([step("a", "act", effect="reversible", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        decide(request, people["anna"], undo_seconds=30)
        approval_undo(approval_id=request.pk, actor=people["anna"], via="token")

        decide(request, people["anna"], "reject", reason="On second thought")

        assert ended(run).error["code"] == "rejected"
    assert done == []


def test_cancelling_the_run_withdraws_the_question(people, done):
    version = version_make([step("a", "act", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: Run.objects.get(pk=run.pk).state == "waiting")

        run_cancel(run_id=run.pk, actor="user:olga", reason="Enough")

        assert ended(run).state == "cancelled"
    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert done == []


def test_a_gate_that_nobody_may_answer_is_an_incident(people, done):
    gate = {**GATE, "assignees": ["user:olga"]}
    version = version_make([step("a", "act", approval=gate)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        until(lambda: StepRun.objects.filter(run=run, reason="incident").exists())

    assert StepRun.objects.get(run=run).error["code"] == "no_approver"
    assert not ApprovalRequest.objects.exists()


def test_a_review_holds_the_output_until_it_is_confirmed(people, done):
    version = version_make(
        [step("a", "act", 7, effect="reversible", review=GATE)], output={"got": "=steps.a.output"}
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert (done, request.reason) == ([7], "review")
        assert request.action["arguments"] == {"did": 7}

        decide(request, people["anna"], arguments={"did": 8})

        assert ended(run).output == {"got": {"did": 8}}


def test_a_checkpoint_stops_the_run_where_it_is(people, done):
    checkpoint = {"id": "look", "kind": "checkpoint", "with": {"assignees": ["group:approvers"]}}
    version = version_make([checkpoint, step("a", "act")], edges("look>a"))
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], "reject", reason="Enough")

        assert ended(run).error["code"] == "stopped"
    assert done == []


def test_people_are_asked_at_the_first_try_and_after_the_run_has_begun(people, done):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    with worker_running():
        first, second = [asked(run_make(version, user=people["olga"])) for _ in range(2)]

    assert second.number == first.number + 1  # what was rolled back would have used one up
    types = list(
        RunEvent.objects.filter(run=second.run_id)
        .order_by("sequence")
        .values_list("type", flat=True)
    )
    assert types.index("run.started") < types.index("step.waiting")
    assert types.index("run.started") < types.index("approval.requested")
