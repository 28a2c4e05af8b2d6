"""`make seed` leaves a run in every state that lasts, and a full inbox."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.engine_harness import at_rest, until
from tests.gallery.running import product_running
from workflows_app.errors import Conflict
from workflows_app.gallery.catalog import sample_get
from workflows_app.gallery.load import gallery_load
from workflows_app.gallery.seed import WISHES, seed
from workflows_app.models import Run
from workflows_app.services.people import person_create, workspace_default


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: f"{wish.slug}-{wish.example}")
def test_each_wish_names_an_example_of_a_sample(wish):
    examples = sample_get(wish.slug).definition["input"]["examples"]

    assert wish.example < len(examples)


def state_of(run_id):
    return Run.objects.values_list("state", flat=True).get(pk=run_id)


@pytest.mark.django_db(transaction=True)
def test_seeding_twice_makes_the_same_runs():
    workspace = workspace_default()
    person_create(username="owner", workspace=workspace, roles=["admin", "reviewer"])
    person_create(username="reviewer", workspace=workspace, roles=["reviewer"])
    gallery_load(workspace=workspace)

    def settle(run_id):
        run = Run.objects.get(pk=run_id)
        if run.workflow.slug != "time-limits":
            until(lambda: at_rest(run_id) or "compensating" in state_of(run_id), seconds=30)

    with product_running():
        states = seed(workspace=workspace, settle=settle)
        again = seed(workspace=workspace, settle=settle)

    assert {"succeeded", "failed", "waiting", "paused", "cancelled"} <= set(states)
    assert sum(again.values()) == sum(states.values()) == Run.objects.filter(parent=None).count()
    assert ApprovalRequest.objects.filter(state="pending").count() >= 12


@pytest.mark.django_db
def test_seeding_wants_somebody_to_start_the_runs():
    with pytest.raises(Conflict, match="nobody belongs"):
        seed(workspace=workspace_default(), settle=lambda run_id: None)
