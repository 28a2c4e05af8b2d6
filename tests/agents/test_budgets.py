"""A run's budget, through the engine."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app.factories import person
from tests.engine_harness import (
    edges,
    run_make,
    run_to_rest,
    until,
    version_make,
    worker_running,
)
from tests.fake_anthropic import text
from workflows_app.agents.models import BudgetHold
from workflows_app.core.facts import Decided
from workflows_app.models import Run, StepRun, Workspace
from workflows_app.services import guardrails
from workflows_app.services.batch import ScopeFact

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh():
    guardrails._installation.clear()


def ask(id="a", model="large"):
    return {"id": id, "kind": "model", "with": {"model": model, "prompt": "hello"}}


def answer(worker, run, outcome, **more):
    step = StepRun.objects.get(run=run, state="waiting")
    fact = Decided(
        step_run=step.id, generation=step.generation, outcome=outcome, by="user:rita", **more
    )
    worker.write([ScopeFact(scope_id=step.scope_id, run_id=run.pk, fact=fact)], 0)


def waits(run):
    return StepRun.objects.filter(run=run, state="waiting", reason="budget").exists()


def test_what_fits_goes_on_and_is_settled(model):
    model.reply(text("hello"), text("again"))
    version = version_make([ask("a"), ask("b")], edges("a>b"), limits={"budget_usd": 0.2})

    run = run_to_rest(version)

    assert run.state == "succeeded"
    assert 0 < run.cost_usd < 0.2
    assert [hold.reserved for hold in BudgetHold.objects.all()] == [0.0, 0.0]


def test_beyond_it_the_step_asks_for_what_is_missing_and_goes_on(model):
    model.reply(text("hello"))
    version = version_make([ask()], limits={"budget_usd": 0.01})
    person("rita", space=Workspace.objects.get())

    with worker_running() as worker:
        run = run_make(version)
        until(lambda: waits(run))
        request = ApprovalRequest.objects.get()
        wanted = request.action["arguments"]["usd"]
        answer(worker, run, "approved")
        until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")

    assert (request.path, request.reason) == ("a", "budget")
    assert 0.1 < wanted < 0.2  # 8,192 tokens of output at 20 dollars for a million
    assert len(model.requests) == 1


def test_a_refusal_fails_the_step(model):
    version = version_make([ask()], limits={"budget_usd": 0.01})
    person("rita", space=Workspace.objects.get())

    with worker_running() as worker:
        run = run_make(version)
        until(lambda: waits(run))
        answer(worker, run, "rejected", reason="too much")
        until(lambda: Run.objects.get(pk=run.pk).state == "failed")

    assert Run.objects.get(pk=run.pk).error["code"] == "budget_exceeded"
    assert model.requests == []


def test_a_guardrail_that_blocks_fails_it_at_once(model):
    rail = {"check": "budget", "usd": 0.01}

    run = run_to_rest(version_make([ask()], guardrails=[rail], limits={"budget_usd": 5}))

    assert (run.state, run.error["code"]) == ("failed", "budget_exceeded")
    assert model.requests == []


def test_a_cheaper_model_still_fits(model):
    model.reply(text("hello"))

    run = run_to_rest(version_make([ask(model="small")], limits={"budget_usd": 0.01}))

    assert run.state == "succeeded"


def test_calls_at_the_same_time_share_the_budget(model):
    model.reply(text("one"), text("two"))
    rail = {"check": "budget", "usd": 0.25}
    body = {"steps": [ask("m")], "edges": []}
    fan = {"id": "f", "kind": "map", "with": {"items": "=[1, 2]", "body": body, "failures": 2}}

    run = run_to_rest(version_make([fan], guardrails=[rail]))

    # Each may cost 0.164 and costs next to nothing: at once one fits, one after the other both.
    assert run.state == "succeeded"
    assert 1 <= len(model.requests) <= 2
    assert run.cost_usd < 0.25
