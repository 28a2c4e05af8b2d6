"""A step with a body is gated like any other: nothing inside begins before the answer."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended
from tests.engine_harness import edges, run_make, states, step, version_make, worker_running
from workflows_app.models import StepRun

pytestmark = pytest.mark.django_db(transaction=True)
BODY = {"steps": [step("inner", "act", "=item")], "edges": []}
SETTINGS = {
    "map": {"items": [1, 2], "body": BODY},
    "group": {"body": {"steps": [step("inner", "act", 1)], "edges": []}},
    "loop": {"items": [1, 2], "limit": 2, "body": BODY},
}


def container(kind, **more):
    return {"id": "all", "kind": kind, "with": SETTINGS[kind], "approval": GATE, **more}


@pytest.mark.parametrize("kind", SETTINGS)
def test_nothing_inside_begins_before_the_yes(people, done, kind):
    version = version_make([container(kind)])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert (done, StepRun.objects.filter(run=run).count()) == ([], 1)

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert sorted(done) == ([1] if kind == "group" else [1, 2])
    assert ApprovalRequest.objects.filter(run=run).count() == 1


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_no_leaves_everything_inside_undone(people, done, kind):
    version = version_make([container(kind), step("b")], edges("all.rejected>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])

        decide(asked(run), people["anna"], "reject", reason="No")

        assert ended(run).state == "succeeded"
    assert (done, states(run)) == ([], {"all": "skipped", "b": "succeeded"})


def test_an_edit_of_the_items_is_what_the_map_works_on(people, done):
    version = version_make([container("map")])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)

        decide(request, people["anna"], arguments={**request.action["arguments"], "items": [9]})

        assert ended(run).state == "succeeded"
    assert done == [9]
