"""Budgets that many runs spend from: a day's, a month's, and those of the runs around a child."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import ApprovalRequest
from tests.approvals_app.factories import person
from tests.engine_harness import edges, run_make, run_to_rest, until, version_make, worker_running
from tests.fake_anthropic import text
from workflows_app.agents.models import Spend
from workflows_app.models import Run, StepRun, Workspace
from workflows_app.services import guardrails

pytestmark = pytest.mark.django_db(transaction=True)
# The worst case of a call of the large model, 8,192 tokens of output, is 0.164 US dollars; each
# really costs next to nothing.


@pytest.fixture(autouse=True)
def _fresh():
    guardrails._installation.clear()


def ask(id="a", model="large"):
    return {"id": id, "kind": "model", "with": {"model": model, "prompt": "hello"}}


def rail(usd, per, **more):
    return {"check": "budget", "usd": usd, "per": per, **more}


def spend(scope, usd, days_ago=0):
    day = timezone.now().date() - timedelta(days=days_ago)
    Spend.objects.update_or_create(scope=scope, day=day, defaults={"usd": usd})


def test_what_every_call_costs_is_counted_for_workflow_and_workspace(model):
    model.reply(text("one"), text("two"))
    version = version_make([ask("a"), ask("b")], edges("a>b"))

    run = run_to_rest(version)

    assert run.cost_usd > 0
    rows = {row.scope: row.usd for row in Spend.objects.all()}
    assert rows.keys() == {version.workflow_id, version.workflow.workspace_id}
    assert rows[version.workflow_id] == pytest.approx(run.cost_usd, abs=1e-6)
    assert rows[version.workflow.workspace_id] == pytest.approx(run.cost_usd, abs=1e-6)


@pytest.mark.parametrize("per", ["day", "month"])
def test_a_workflow_stops_where_its_window_is_spent(model, per):
    version = version_make([ask()], guardrails=[rail(1.0, per)])
    spend(version.workflow_id, 0.99)

    run = run_to_rest(version)

    assert (run.state, run.error["code"]) == ("failed", "budget_exceeded")
    assert f"left for this {per}" in run.error["message"]
    assert model.requests == []


def test_another_day_is_another_budget(model):
    model.reply(text("hello"))
    version = version_make([ask()], guardrails=[rail(1.0, "day")])
    spend(version.workflow_id, 0.99, days_ago=1)

    assert run_to_rest(version).state == "succeeded"


def test_what_another_workflow_spent_does_not_count_but_for_the_installation(model):
    model.reply(text("hello"))
    other, mine = version_make([ask()]), version_make([ask()], guardrails=[rail(1.0, "day")])
    spend(other.workflow_id, 9.0)
    spend(mine.workflow.workspace_id, 9.0)

    assert run_to_rest(mine).state == "succeeded"

    Workspace.objects.update(settings={"guardrails": [rail(5.0, "month")]})
    guardrails._installation.clear()
    run = run_to_rest(mine)
    assert (run.state, run.error["code"]) == ("failed", "budget_exceeded")
    assert len(model.requests) == 1


def test_runs_at_the_same_time_share_a_day(model):
    model.reply(*(text(str(number)) for number in range(6)))
    version = version_make([ask()], guardrails=[rail(0.25, "day")])

    with worker_running(slots=6):
        runs = [run_make(version) for _ in range(6)]
        until(lambda: not Run.objects.filter(finished_at=None).exists(), 30)

    done = Run.objects.filter(pk__in=[run.pk for run in runs], state="succeeded")
    spent = Spend.objects.get(scope=version.workflow_id).usd
    assert done.count() == len(model.requests) >= 1
    assert spent < 0.25


def test_a_window_may_ask_for_more(model):
    model.reply(text("hello"))
    version = version_make([ask()], guardrails=[rail(1.0, "day", on_trip="hold")])
    spend(version.workflow_id, 0.99)
    person("rita", space=Workspace.objects.get())

    with worker_running():
        run = run_make(version)
        until(lambda: StepRun.objects.filter(run=run, reason="budget").exists())

    request = ApprovalRequest.objects.get()
    assert (request.reason, request.path) == ("budget", "a")
    assert 0.1 < request.action["arguments"]["usd"] < 0.2


def child_of(version):
    settings = {"slug": version.workflow.slug, "input": {}}
    return {"id": "sub", "kind": "workflow", "with": settings}


def test_a_child_run_draws_on_the_budget_of_the_run_around_it(model):
    child = version_make([ask()])
    parent = version_make([child_of(child)], limits={"budget_usd": 0.01})
    person("rita", space=Workspace.objects.get())

    with worker_running():
        run = run_make(parent)
        until(lambda: StepRun.objects.filter(run__parent=run, reason="budget").exists())

    step = StepRun.objects.get(run__parent=run, path="a")
    assert step.waiting["usd"] > 0.1
    assert model.requests == []


def test_what_a_run_spent_before_is_taken_from_what_its_child_may(model):
    child = version_make([ask()])
    parent = version_make([child_of(child)], guardrails=[rail(0.2, "run")])

    with worker_running():
        run = run_make(parent)
        Run.objects.filter(pk=run.pk).update(cost_usd=0.19)
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)

    run.refresh_from_db()
    assert run.error["code"] == "budget_exceeded"
    assert "the run around it" in run.error["message"]
    assert model.requests == []


def test_what_a_child_costs_counts_for_the_workflow_around_it(model):
    model.reply(text("hello"))
    child = version_make([ask()])
    parent = version_make([child_of(child)])

    run = run_to_rest(parent)

    rows = {row.scope: row.usd for row in Spend.objects.all()}
    assert run.state == "succeeded"
    assert rows[parent.workflow_id] == rows[child.workflow_id] > 0
    assert rows[parent.workflow.workspace_id] == rows[child.workflow_id]


@pytest.mark.parametrize("per", ["day", "month"])
def test_children_at_the_same_time_share_the_window_of_the_workflow_around_them(model, per):
    """One call may cost 0.16: while one is under way, no second fits into 0.25."""
    model.answer = lambda request: text("hello", delay=1.0)
    child = version_make([ask()])
    items = {"items": [1, 2, 3], "failures": 3, "body": {"steps": [child_of(child)], "edges": []}}
    each = {"id": "each", "kind": "map", "with": items}
    parent = version_make([each], guardrails=[rail(0.25, per)], output="=steps.each.output.failed")

    run = run_to_rest(parent)

    assert (run.state, run.output, len(model.requests)) == ("succeeded", 2, 1)
    failed = Run.objects.filter(parent=run, state="failed")
    assert {one.error["code"] for one in failed} == {"budget_exceeded"}
