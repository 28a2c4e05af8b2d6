"""What any step may carry holds for those too that no worker carries out: boxes and waits."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import GATE, acting, asked, decide, ended, reject
from tests.engine_harness import (
    SCRIPTS,
    edges,
    run_make,
    run_to_rest,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Done, StepError
from workflows_app.models import Attempt, Run, RunEvent, StepRun, Undo
from workflows_app.services import control
from workflows_app.services.sweep import sweep_once

pytestmark = pytest.mark.django_db(transaction=True)
TAKE_BACK = {"kind": "script", "name": "takes_back", "value": "all"}
SOON = {"attempts": 2, "initial": "1ms"}
BOXES = ["group", "map", "loop", "state_machine", "workflow"]


def body(*steps):
    return {"steps": list(steps), "edges": []}


def box(kind, *steps, **more):
    """A step of this kind, called `all`, with these steps inside."""
    inner = body(*steps)
    settings = {
        "group": lambda: {"body": inner},
        "map": lambda: {"items": [1], "body": inner},
        "loop": lambda: {"body": inner, "limit": 3, "until": "true"},
        "state_machine": lambda: machine(inner),
        "workflow": lambda: {"slug": version_make(list(steps)).workflow.slug, "input": {}},
    }[kind]()
    return {"id": "all", "kind": kind, "with": settings, **more}


def machine(entry):
    states = {"busy": {"entry": entry, "fires": {"done": "ok"}}, "over": {"terminal": True}}
    moves = [{"trigger": "ok", "from": "busy", "to": "over"}]
    return {"initial": "busy", "states": states, "transitions": moves}


def in_turn(first, second, **more):
    """A group of two steps, one after the other."""
    both = {**body(first, second), "edges": edges(f"{first['id']}>{second['id']}")}
    return {"id": "inner", "kind": "group", "with": {"body": both}, **more}


def failing(monkeypatch, times):
    """Let the steps named `fails` fail so often, then succeed."""
    left = [times]

    def fails(call):
        left[0] -= 1
        if left[0] >= 0:
            raise StepError("not_yet", "it does not work yet")
        return Done(output="worked")

    monkeypatch.setitem(SCRIPTS, "fails", fails)


def rolled_back(run):
    with worker_running():
        control.run_rollback(run_id=run.pk, actor="user:x", reason="all of it")
        return ended(run)


@pytest.mark.parametrize("kind", BOXES)
def test_a_box_has_an_undo_of_its_own(kind, ledger):
    run = run_to_rest(version_make([box(kind, step("x"), undo=TAKE_BACK)]))
    assert run.state == "succeeded"
    assert [one.state for one in Undo.objects.filter(run=run)] == ["armed"]

    assert rolled_back(run).state == "compensated"

    assert ledger == ["undo all"]
    undone = RunEvent.objects.get(run=run, type="step.undone")
    assert (undone.path, undone.to_state) == ("all", "compensated")
    assert StepRun.objects.get(run=run, path="all.undo").state == "succeeded"


def test_a_box_and_its_inside_are_undone_newest_first(ledger):
    run = run_to_rest(version_make([box("group", acting("x"), undo=TAKE_BACK)]))

    rolled_back(run)

    assert ledger == ["do x", "undo all", "undo x"]


@pytest.mark.parametrize("kind", BOXES)
def test_a_box_that_failed_is_undone_only_inside(kind, ledger):
    inner = in_turn(acting("x"), step("y", "boom"), undo=TAKE_BACK)
    version = version_make([box(kind, inner, undo=TAKE_BACK)], on_failure="compensate")

    run = run_to_rest(version)

    assert run.state == "compensated"
    assert ledger == ["do x", "undo x"]


@pytest.mark.parametrize("kind", BOXES)
def test_a_box_is_tried_again_whole_and_what_it_did_is_undone_first(kind, ledger, monkeypatch):
    failing(monkeypatch, 1)
    inner = in_turn(acting("x"), step("y", "fails"))
    version = version_make([box(kind, inner, retry=SOON), step("after")], edges("all>after"))

    run = run_to_rest(version)

    assert run.state == "succeeded", run.error
    assert ledger == ["do x", "undo x", "do x"]
    found = StepRun.objects.get(run=run, path="all", is_current=True)
    assert (found.state, found.generation) == ("succeeded", 1)
    waited = RunEvent.objects.get(run=run, path="all", type="step.waiting", data__contains="retry")
    assert "attempt 1 failed" in waited.why


def test_a_box_that_keeps_failing_fails_after_its_last_try(monkeypatch):
    failing(monkeypatch, 9)
    run = run_to_rest(version_make([box("group", step("x", "fails"), retry=SOON)]))

    assert (run.state, run.error["code"], run.error["path"]) == ("failed", "not_yet", "all.x")
    tries = Attempt.objects.filter(step_run__run=run, step_run__path="all")
    assert [one.outcome for one in tries] == ["failed"]
    assert StepRun.objects.filter(run=run, path="all.x").count() == 2


def test_what_people_refused_is_not_asked_again_by_a_retry(people):
    gated = step("x", approval=GATE)
    version = version_make([box("group", gated, retry=SOON)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        assert ended(run).state == "failed"
    assert ApprovalRequest.objects.filter(run=run).count() == 1


def test_a_time_limit_is_for_all_tries_of_a_box_together(monkeypatch):
    failing(monkeypatch, 99)
    policy = {"attempts": 90, "initial": "20ms", "factor": 1, "jitter": False}
    version = version_make([box("group", step("x", "fails"), retry=policy, timeout="200ms")])
    with worker_running():
        run = run_make(version)
        until(lambda: sweep_once() is not None and Run.objects.get(pk=run.pk).finished_at)
    run.refresh_from_db()
    assert run.error["code"] == "timeout"


def test_a_box_sent_back_more_often_than_it_may_be_is_rejected(people, ledger):
    review = {**GATE, "rework": 1}
    version = version_make([box("group", acting("x"), review=review)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        first = asked(run)
        reject(first, people["anna"])
        until(lambda: ApprovalRequest.objects.filter(run=run).count() == 2)
        reject(asked(run), people["anna"])
        assert ended(run).error["code"] == "rejected"
    assert ledger == ["do x", "undo x"] * 2


@pytest.mark.parametrize("kind", ["group", "map", "loop"])
def test_a_box_without_effect_is_answered_from_the_cache(kind):
    inner = step("x", value="=input.n")
    version = version_make([box(kind, inner, cache=True)])
    first = run_to_rest(version, {"n": 1})

    again, other = run_to_rest(version, {"n": 1}), run_to_rest(version, {"n": 2})

    kept = RunEvent.objects.get(run=again, path="all", type="step.ended")
    assert kept.data["cached"] == f"{first.pk}/all"
    assert (again.output, states(again)) == (first.output, {"all": "succeeded"})
    assert other.output != first.output


@pytest.mark.parametrize("kind", ["script", "group"])
def test_a_rehearsal_never_answers_a_live_run(kind):
    inner = step("x", value=1, cache=True)
    version = version_make([inner if kind == "script" else box(kind, step("x"), cache=True)])
    path = "x" if kind == "script" else "all"

    run_to_rest(version, mode="rehearsal")
    live = run_to_rest(version)

    ended = RunEvent.objects.get(run=live, path=path, type="step.ended")
    assert "cached" not in ended.data


def test_a_model_of_another_id_does_not_answer_for_the_one_before():
    ended = []
    for model in ("first", "second", "second"):
        asking = step("a", value=1, cache=True)
        asking["with"]["model"] = "small"
        version = version_make([asking])
        version.pins = {"models": {"small": model}}
        version.save(update_fields=["pins"])
        run = run_to_rest(version)
        ended.append(RunEvent.objects.get(run=run, path="a", type="step.ended").data)

    assert ["cached" in one for one in ended] == [False, False, True]


def test_a_box_that_had_an_effect_or_asked_people_is_not_kept(people, ledger):
    version = version_make([box("group", acting("x"), cache=True)])
    run_to_rest(version)
    run_to_rest(version)
    assert ledger == ["do x", "do x"]

    version = version_make([box("group", step("x", approval=GATE), cache=True)])
    with worker_running():
        for _ in range(2):
            run = run_make(version, user=people["olga"])
            decide(asked(run), people["anna"])
            assert ended(run).state == "succeeded"
    assert ApprovalRequest.objects.filter(run__version=version).count() == 2


def test_what_is_reviewed_is_looked_at_though_it_was_kept(people):
    review = {**GATE, "when": "output > 1.0"}
    version = version_make([step("a", value="=input.n", cache=True, review=review)])
    with worker_running():
        for _ in range(2):
            run = run_make(version, {"n": 5}, user=people["olga"])
            reject(asked(run), people["anna"])
            assert ended(run).state == "failed"


@pytest.mark.parametrize("kind", BOXES)
def test_a_guardrail_looks_at_what_a_box_gave(kind):
    rails = [{"check": "rule", "when": "output != null", "at": "after"}]
    version = version_make([box(kind, step("x", value="bob"), guardrails=rails)])

    run = run_to_rest(version)

    assert (run.state, run.error["code"], run.error["path"]) == ("failed", "rule", "all")
    assert RunEvent.objects.get(run=run, type="guardrail.tripped").path == "all"


def test_what_a_box_gave_is_redacted():
    rails = [{"check": "personal_data", "at": "after", "on_trip": "redact"}]
    whole = box("group", step("x", value="write to bob@example.com"), guardrails=rails)
    version = version_make([whole, step("y", value="=steps.all.output")], edges("all>y"))

    assert run_to_rest(version).output == "write to [email]"


def test_a_block_after_a_box_undoes_what_it_did(ledger):
    rails = [{"check": "patterns", "deny": ["secret"], "at": "after"}]
    whole = box("group", acting("x", "secret"), guardrails=rails, undo=TAKE_BACK)
    version = version_make([whole, step("no")], edges("all.error>no"))

    run = run_to_rest(version)

    assert ledger == ["do secret", "undo all", "undo secret"]
    assert states(run)["no"] == "succeeded"
    assert StepRun.objects.get(run=run, path="all").state == "compensated"


def test_a_gated_wait_waits_once_it_is_let(people):
    wait = {"id": "w", "kind": "delay", "with": {"for": "1h"}, "approval": GATE}
    version = version_make([wait])
    with worker_running():
        run = run_make(version, user=people["olga"])
        decide(asked(run), people["anna"])
        until(lambda: StepRun.objects.get(run=run, path="w").reason == "timer")


def test_the_time_to_answer_a_gate_is_not_the_time_limit_of_the_step(people):
    limited = box("group", step("x"), approval=GATE, timeout="50ms")
    with worker_running():
        run = run_make(version_make([limited]), user=people["olga"])
        request = asked(run)
        assert not run.timers.filter(name="timeout").exists()
        decide(request, people["anna"])
        assert ended(run).state == "succeeded"


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("wait", {"event": "never.sent"}),
        ("delay", {"for": "1h"}),
        ("approval", {"summary": "?", "assignees": ["group:approvers"]}),
    ],
)
def test_a_wait_has_a_time_limit(kind, settings, people):
    waiting = {"id": "w", "kind": kind, "with": settings, "timeout": "30ms"}
    version = version_make([waiting, step("late")], edges("w.error>late"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        until(lambda: sweep_once() is not None and Run.objects.get(pk=run.pk).finished_at)
    assert states(run) == {"w": "timed_out", "late": "succeeded"}
    assert not ApprovalRequest.objects.filter(run=run, state="pending").exists()


def test_what_a_wait_brought_is_undone_looked_at_and_checked(people, ledger):
    rails = [{"check": "personal_data", "at": "after", "on_trip": "redact"}]
    question = {"summary": "Who?", "assignees": ["group:approvers"]}
    ask = {"id": "a", "kind": "approval", "with": question, "undo": TAKE_BACK, "guardrails": rails}
    with worker_running():
        run = run_make(version_make([ask]), user=people["olga"])
        decide(asked(run), people["anna"], reason="bob@example.com says so")
        assert ended(run).output["reason"] == "[email] says so"
    ending = RunEvent.objects.get(run=run, path="a", type="step.ended")
    assert (ending.actor, ending.trigger) == ("user:anna", "approved")

    assert rolled_back(run).state == "compensated"
    assert ledger == ["undo all"]


def test_a_refused_question_leaves_nothing_to_undo(people, ledger):
    question = {"summary": "Who?", "assignees": ["group:approvers"]}
    ask = {"id": "a", "kind": "approval", "with": question, "undo": TAKE_BACK}
    version = version_make([ask, step("no")], edges("a.rejected>no"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        assert ended(run).state == "succeeded"
    assert "rollback" not in control.actions_now(run)
