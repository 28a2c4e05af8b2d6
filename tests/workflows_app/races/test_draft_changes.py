"""Several tabs save at once: what lies apart merges, what meets is told to all but one."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.views import factories
from workflows_app.core.definition.changes import DraftChange
from workflows_app.errors import Conflict
from workflows_app.models import AppEvent, Workflow
from workflows_app.services.draft_changes import draft_change

pytestmark = pytest.mark.django_db(transaction=True)
TABS = 6


@pytest.fixture
def workflow():
    space = factories.workspace_make()
    steps = [{"id": f"s{tab}", "kind": "transform", "with": {"value": 0}} for tab in range(TABS)]
    return Workflow.objects.create(
        workspace=space, slug="shared", name="Shared", draft={"format": 1, "steps": steps}
    )


@pytest.fixture
def person(workflow):
    return factories.user_make("mira", workflow.workspace, ("designer",))


def save(workflow, person, path, value):
    try:
        change = DraftChange(path=tuple(path), was=0, value=value)
        draft_change(workflow=workflow, changes=[change], revision=1, actor=person)
    except Conflict:
        return "conflict"
    finally:
        connection.close()
    return "saved"


def test_changes_of_different_steps_all_stay(workflow, person):
    with ThreadPoolExecutor(TABS) as pool:
        paths = [["steps", f"s{tab}", "with", "value"] for tab in range(TABS)]
        done = list(pool.map(lambda path: save(workflow, person, path, 1), paths))

    workflow.refresh_from_db()
    assert done == ["saved"] * TABS
    assert [step["with"]["value"] for step in workflow.draft["steps"]] == [1] * TABS
    assert workflow.revision == 1 + TABS
    assert AppEvent.objects.filter(type="workflow.draft_saved").count() == TABS


def test_of_changes_of_one_place_one_wins_and_the_others_are_told(workflow, person):
    path = ["steps", "s0", "with", "value"]
    with ThreadPoolExecutor(TABS) as pool:
        done = list(pool.map(lambda value: save(workflow, person, path, value), range(1, TABS + 1)))

    workflow.refresh_from_db()
    assert sorted(done) == ["conflict"] * (TABS - 1) + ["saved"]
    assert workflow.revision == 2
    winner = done.index("saved") + 1
    assert workflow.draft["steps"][0]["with"]["value"] == winner
