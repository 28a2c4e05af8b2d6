"""Reviews after the act: what a no takes back, at any depth, and what the page says before."""

import threading

import pytest
from django.db import transaction

from approvals_app.models import ApprovalRequest
from approvals_app.selectors.surroundings import consequences_of
from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories
from tests.engine_harness import SCRIPTS, edges, run_make, states, step, until, version_make
from tests.gallery.running import acts_of, product_running
from workflows_app import notify
from workflows_app.core.kinds import Done
from workflows_app.gallery import tools  # noqa: F401 registers the sample tools
from workflows_app.models import Run, RunEvent, StepRun, Workspace
from workflows_app.services.apply import scopes_settle

pytestmark = pytest.mark.django_db(transaction=True)
REVIEW = {"mode": "parallel", "summary": "Moved", "assignees": ["group:approvers"]}


@pytest.fixture(autouse=True)
def nudges(monkeypatch):
    """Handle a touched scope at once, as the task that a worker takes from the broker does."""

    def settle(scope_id, run_id):
        notify.runs_ready(scopes_settle({scope_id: run_id}))

    monkeypatch.setattr(
        notify,
        "scope_touched",
        lambda scope_id, run_id: transaction.on_commit(lambda: settle(scope_id, run_id)),
    )


@pytest.fixture
def people(transactional_db):
    space, _ = Workspace.objects.get_or_create(
        slug="test", defaults={"name": "Test", "is_default": True}
    )
    return {
        name: factories.person(name, groups=["approvers"] if name == "anna" else [], space=space)
        for name in ("olga", "anna")
    }


def upgrade(**more):
    return {
        "id": "upgrade",
        "kind": "tool",
        "with": {
            "tool": "crm.update",
            "arguments": {"customer": "C-1001", "field": "plan", "value": "team"},
        },
        "review": REVIEW,
        "undo": {"tool": "crm.restore", "arguments": {"id": "=output.id"}},
        **more,
    }


def reserve():
    arguments = {"order": "O-1", "item": "seat", "quantity": 1}
    return {
        "id": "reserve",
        "kind": "tool",
        "with": {"tool": "inventory.reserve", "arguments": arguments},
        "undo": {"tool": "inventory.release", "arguments": {"id": "=output.id"}},
    }


def asked(run):
    until(lambda: ApprovalRequest.objects.filter(run=run, state="pending").exists(), 30)
    return ApprovalRequest.objects.get(run=run, state="pending")


def reject(request, person):
    return approval_decide(
        approval_id=request.pk,
        actor=person,
        via="token",
        decision="reject",
        digest=request.digest,
        reason="the wrong customer",
    )


def ended(run):
    until(lambda: Run.objects.get(pk=run.pk).finished_at is not None, 30)
    return Run.objects.get(pk=run.pk)


def test_what_a_group_did_after_a_provisional_step_is_undone_too(people):
    group = {"id": "seats", "kind": "group", "with": {"body": {"steps": [reserve()], "edges": []}}}
    version = version_make(
        [upgrade(), group, step("sorry")], edges("upgrade>seats", "upgrade.rejected>sorry")
    )
    with product_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        until(lambda: states(run).get("seats") == "succeeded", 30)

        shown = consequences_of(request, StepRun.objects.get(pk=request.step_run_id))
        assert [undo.path for undo in shown.undone] == ["seats.reserve", "upgrade"]
        reject(request, people["anna"])
        ended(run)

    assert states(run)["sorry"] == "succeeded"
    released, restored = acts_of("inventory.release").get(), acts_of("crm.restore").get()
    assert released.pk < restored.pk
    undone = RunEvent.objects.filter(run=run, type="step.undone").order_by("sequence")
    assert [event.path for event in undone] == ["seats.reserve", "upgrade"]


def test_what_runs_while_its_ground_is_rejected_is_never_undone_with_made_up_arguments(
    people, monkeypatch
):
    begun, may_end = threading.Event(), threading.Event()

    def slow(call):
        begun.set()
        assert may_end.wait(30)
        return Done(output={"id": "S-1"})

    monkeypatch.setitem(SCRIPTS, "slow", slow)
    late = step(
        "late",
        "slow",
        effect="reversible",
        undo={"tool": "crm.restore", "arguments": {"id": "=output.id"}},
    )
    version = version_make(
        [upgrade(), late, step("sorry")], edges("upgrade>late", "upgrade.rejected>sorry")
    )
    with product_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert begun.wait(30)
        reject(request, people["anna"])
        until(lambda: states(run).get("sorry") == "succeeded", 30)
        may_end.set()
        run = ended(run)

    upgraded = StepRun.objects.get(run=run, path="upgrade", is_current=True)
    assert [act.arguments["id"] for act in acts_of("crm.restore")] == [upgraded.output["id"]]
    assert (run.state, run.error["code"]) == ("failed", "not_undone")
    assert "late" in run.error["message"]
