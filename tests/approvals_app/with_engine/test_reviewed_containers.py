"""A step with a body is reviewed like any other: its result is held, and a no undoes its inside."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import GATE, acting, asked, decide, ended, reject
from tests.engine_harness import edges, run_make, states, step, version_make, worker_running
from workflows_app.models import Run, StepRun

pytestmark = pytest.mark.django_db(transaction=True)


def group(*steps, review=None, **more):
    body = {"steps": list(steps), "edges": [], "output": "=steps.x.output"}
    return {
        "id": "all",
        "kind": "group",
        "with": {"body": body},
        "review": {**GATE, **(review or {})},
        **more,
    }


def each(**review):
    body = {"steps": [step("x", "echo", "=item")], "edges": [], "output": "=steps.x.output"}
    settings = {"items": [1, 2], "body": body}
    return {"id": "all", "kind": "map", "with": settings, "review": {**GATE, **review}}


def test_what_a_body_gave_is_held_until_it_is_confirmed(people, ledger):
    version = version_make(
        [group(acting("x")), step("b", "echo", "=steps.all.output")], edges("all>b")
    )
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert (request.reason, request.action["arguments"]) == ("review", {"did": "x"})
        assert "b" not in states(run)

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
    assert ledger == ["do x"]
    assert StepRun.objects.get(run=run, path="b").output == {"did": "x"}


def test_a_no_undoes_what_was_done_inside_and_takes_its_port(people, ledger):
    steps = [group(acting("x"), acting("y")), step("after"), step("no")]
    version = version_make(steps, edges("all>after", "all.rejected>no"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        reject(asked(run), people["anna"])
        assert ended(run).state == "succeeded"
    assert sorted(ledger[:2]) == ["do x", "do y"]
    assert ledger[2:] == [one.replace("do", "undo") for one in reversed(ledger[:2])]
    found = states(run)
    assert (found["no"], found["after"]) == ("succeeded", "skipped")


def test_what_is_sent_back_runs_again_whole_with_its_feedback(people, ledger):
    version = version_make([group(acting("x"), review={"rework": 1})])
    with worker_running():
        run = run_make(version, user=people["olga"])
        first = asked(run)
        reject(first, people["anna"], "again, please")
        second = asked(run)
        assert second.generation == first.generation + 1
        assert ledger == ["do x", "undo x", "do x"]

        decide(second, people["anna"])

        assert ended(run).state == "succeeded"
    inner = StepRun.objects.filter(run=run, path="all.x").order_by("generation")
    assert [one.generation for one in inner] == [0, 1]


def test_an_edited_result_of_a_map_is_what_goes_on(people):
    version = version_make([each(), step("b", "echo", "=steps.all.output.items")], edges("all>b"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert request.action["arguments"]["items"] == [1, 2]

        decide(request, people["anna"], arguments={**request.action["arguments"], "items": [3]})

        assert ended(run).state == "succeeded"
    assert StepRun.objects.get(run=run, path="b").output == [3]


def test_a_result_that_meets_no_condition_is_not_asked_about(people):
    version = version_make([each(when="output.total > 5.0")])
    with worker_running():
        run = run_make(version, user=people["olga"])
        assert ended(run).state == "succeeded"
    assert not ApprovalRequest.objects.filter(run=run).exists()
    assert StepRun.objects.get(run=run, path="all").output["items"] == [1, 2]


def test_a_child_run_is_looked_at_before_its_parent_goes_on(people):
    child = version_make([step("x", "echo", 7)], output="=steps.x.output")
    slug = child.workflow.slug
    call = {"id": "all", "kind": "workflow", "with": {"slug": slug, "input": {}}}
    version = version_make([{**call, "review": GATE}, step("b")], edges("all>b"))
    version.pins = {"workflows": {slug: str(child.pk)}}
    version.save(update_fields=["pins"])
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)
        assert (request.action["arguments"], Run.objects.filter(parent=run).count()) == (7, 1)

        decide(request, people["anna"])

        assert ended(run).state == "succeeded"
