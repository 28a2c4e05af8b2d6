"""Between yes and the act nothing may change what happens: the approved bytes run, or nothing."""

import json
from contextlib import contextmanager

import pytest

from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended
from tests.engine_harness import run_make, step, until, version_make, worker_running
from workflows_app import notify
from workflows_app.agents.services.pins import pins_collect
from workflows_app.agents.services.secrets import secret_put
from workflows_app.agents.services.tools import tool_put
from workflows_app.models import Run, StepRun, WorkflowVersion, Workspace

pytestmark = pytest.mark.django_db(transaction=True)
INPUT = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}


def asked_and_approved(version, people, input=None):
    """A run whose action is approved while no worker runs."""
    with worker_running():
        run = run_make(version, input, user=people["olga"])
        request = asked(run)
        until(lambda: Run.objects.get(pk=run.pk).state == "waiting")
    decide(request, people["anna"])
    return run, request


def put_tool(server, space, path="/pay", **more):
    spec = {"url": f"{server.url}{path}", "input": INPUT, **more}
    tool_put(workspace=space, name="pay", spec=spec, actor="user:owner")


@contextmanager
def worker_takes(run):
    """A worker that finds the run as the sweeper would hand it on."""
    with worker_running():
        notify.runs_ready({run.pk})
        yield


def tool_version(space):
    """A published version whose gated step calls the tool as it is now."""
    gated = {
        "id": "pay",
        "kind": "tool",
        "with": {"tool": "pay", "arguments": {"amount": "=input.amount"}},
        "approval": GATE,
    }
    version = version_make([gated])
    pins = pins_collect(expanded=version.expanded, workspace=space)
    WorkflowVersion.objects.filter(pk=version.pk).update(pins=pins)
    version.refresh_from_db()
    return version


def test_a_changed_record_of_the_step_never_runs_and_is_asked_anew_with_the_diff(
    people, done, client
):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    run, first = asked_and_approved(version, people)
    StepRun.objects.filter(run=run).update(
        input={"name": "act", "value": 9_000, "effect": "reversible"}
    )

    with worker_takes(run):
        second = asked(run)

    assert done == []
    assert second.previous == first
    assert second.why == "what was approved is no longer what would run"
    client.force_login(people["anna"])
    text = client.get(f"/approvals/APR-{second.number}/").content.decode()
    assert "Changed since it was last asked" in text
    assert '<tr class="add"><th scope="row">value</th><td><span class="val">9000' in text


def test_a_changed_input_of_the_run_changes_nothing_that_was_approved(people, done):
    version = version_make([step("a", "act", "=input.n", effect="reversible", approval=GATE)])
    run, _ = asked_and_approved(version, people, {"n": 7})
    Run.objects.filter(pk=run.pk).update(input={"n": 9_000})

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    assert done == [7]


def test_a_tool_changed_after_the_yes_is_not_the_one_that_runs(people, server):
    space = Workspace.objects.get(slug="test")
    put_tool(server, space)
    version = tool_version(space)
    run, request = asked_and_approved(version, people, {"amount": 5})
    put_tool(server, space, "/elsewhere", headers={"X-Other": "1"})

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    (seen,) = server.seen
    assert (seen.path, json.loads(seen.body)) == ("/pay", {"amount": 5})
    assert "x-other" not in seen.headers
    assert request.action["tool_version"]


def test_a_credential_put_into_the_tool_after_the_yes_is_not_sent(people, server):
    space = Workspace.objects.get(slug="test")
    for name in ("bank", "other"):
        secret_put(workspace=space, name=name, value=f"value-of-{name}", actor="user:owner")
    put_tool(server, space, headers={"Authorization": "Bearer {{secret:bank}}"})
    version = tool_version(space)
    run, request = asked_and_approved(version, people, {"amount": 5})
    assert request.action["credentials"] == ["bank"]
    put_tool(server, space, headers={"Authorization": "Bearer {{secret:other}}"})

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer value-of-bank"]


def test_a_workflow_published_after_the_yes_changes_nothing_in_this_run(people, done):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    run, request = asked_and_approved(version, people)
    newer = version_make([step("a", "act", 9_000, effect="reversible")])
    WorkflowVersion.objects.filter(pk=newer.pk).update(workflow=version.workflow, number=2)

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    assert done == [7]
    assert request.action["definition"] == version.digest


def test_an_approved_edit_survives_a_worker_that_dies_before_it_acts(people, done):
    version = version_make([step("a", "act", 7, effect="reversible", approval=GATE)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: Run.objects.get(pk=run.pk).state == "waiting")
    arguments = {**request.action["arguments"], "value": 3}
    decide(request, people["anna"], arguments=arguments)

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    assert done == [3]


def test_a_credential_that_is_rotated_after_the_yes_changes_no_approved_byte(people, server):
    space = Workspace.objects.get(slug="test")
    secret_put(workspace=space, name="bank", value="the-first-value", actor="user:owner")
    put_tool(server, space, headers={"Authorization": "Bearer {{secret:bank}}"})
    version = tool_version(space)
    run, request = asked_and_approved(version, people, {"amount": 5})
    secret_put(workspace=space, name="bank", value="the-second-value", actor="user:owner")

    with worker_takes(run):
        assert ended(run).state == "succeeded"

    (seen,) = server.seen
    assert json.loads(seen.body) == {"amount": 5} == request.action["arguments"]
    assert request.action["credentials"] == ["bank"]
    assert seen.headers["authorization"] == "Bearer the-second-value"
    assert StepRun.objects.get(run=run, path="pay").approved_digest == request.digest
