"""Going on with another version: results that are kept inside groups, maps and loops."""

import pytest

from tests.engine_harness import (
    at_rest,
    edges,
    run_to_rest,
    script,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.canonical import digest
from workflows_app.core.expand import expand
from workflows_app.core.kinds import Call, Done, StepError
from workflows_app.errors import Invalid
from workflows_app.models import RunEvent, StepRun, WorkflowVersion
from workflows_app.services.carry_on import run_carry_on

pytestmark = pytest.mark.django_db(transaction=True)
CALLS: list[str] = []
BROKEN: list[object] = []


@script("noted")
def _noted(call: Call) -> Done:
    """Remember the path of each call; fail for a value in BROKEN."""
    CALLS.append(call.path)
    if call.settings["value"] in BROKEN:
        raise StepError("broken", "still broken")
    return Done(output=call.settings["value"])


@pytest.fixture(autouse=True)
def fresh():
    CALLS.clear()
    BROKEN.clear()


def body(*steps, edges=(), **more):
    return {"steps": list(steps), "edges": list(edges), **more}


def container(id, kind, **settings):
    return {"id": id, "kind": kind, "with": settings}


def second(version, steps, links=None):
    """Publish another version of the same workflow."""
    definition = {**version.definition, "steps": steps, "edges": links or []}
    return WorkflowVersion.objects.create(
        workflow=version.workflow,
        number=version.number + 1,
        digest=digest(definition),
        definition=definition,
        expanded=expand(definition),
    )


def go_on(run, **more):
    """Continue a run with version 2; give the new run and what was called in it."""
    CALLS.clear()
    with worker_running():
        made = run_carry_on(run_id=run.pk, version=2, actor="user:x", **more)
        until(lambda: at_rest(made.pk))
    made.refresh_from_db()
    return made, sorted(CALLS)


def kept(run):
    found = RunEvent.objects.filter(run=run, type="step.ended", data__contains="kept_from")
    return sorted(found.values_list("path", flat=True))


def items(values, second_value="=item", **more):
    inner = body(step("a", "noted", "=item"), step("b", "noted", second_value), edges=edges("a>b"))
    return container("m", "map", items=values, body=inner, concurrency=1, failures=9, **more)


def failing_map(last="=item"):
    """Give the steps of a map whose item 2 fails at `b`, and a step after it that fails."""
    check = step("check", "noted", "check")
    return [items("=input.all", last), check], edges("m>check")


def test_items_of_a_map_keep_the_steps_before_the_one_that_changed():
    version = version_make(*failing_map())
    BROKEN.append("check")
    run = run_to_rest(version, {"all": [1, 2, 3]})
    BROKEN.clear()
    steps, links = failing_map(last="=item * 10.0")
    second(version, steps, links)

    made, calls = go_on(run)

    assert made.state == "succeeded"
    assert calls == ["check", "m[0].b", "m[1].b", "m[2].b"]
    assert kept(made) == ["m[0].a", "m[1].a", "m[2].a"]
    result = StepRun.objects.get(run=made, path="m").output
    assert result == {"items": [10, 20, 30], "total": 3, "processed": 3, "failed": 0}


def test_one_item_runs_again_and_the_others_are_kept_whole():
    version = version_make(*failing_map())
    BROKEN.append("check")
    run = run_to_rest(version, {"all": [1, 2, 3]})
    BROKEN.clear()
    second(version, *failing_map())

    made, calls = go_on(run, path="m[1].b")

    assert made.state == "succeeded"
    assert calls == ["check", "m[1].b"]
    assert kept(made) == ["m[0].a", "m[0].b", "m[1].a", "m[2].a", "m[2].b"]
    assert StepRun.objects.get(run=made, path="m").output["items"] == [1, 2, 3]


def test_items_that_are_not_the_same_any_more_are_done_anew():
    first = step("list", "noted", [1, 2])
    version = version_make([first, items("=steps.list.output")], edges("list>m"))
    BROKEN.append(2)
    run = run_to_rest(version)
    BROKEN.clear()
    changed = step("list", "noted", [7, 2])
    second(version, [changed, items("=steps.list.output")], edges("list>m"))

    made, calls = go_on(run)

    assert made.state == "succeeded"
    assert kept(made) == []
    assert calls == ["list", "m[0].a", "m[0].b", "m[1].a", "m[1].b"]


def rounds(value):
    inner = body(step("a", "noted", "=iteration"), step("b", "noted", value), edges=edges("a>b"))
    return container("l", "loop", body=inner, until="output >= 3.0", limit=9)


def test_finished_iterations_of_a_loop_are_kept():
    version = version_make([rounds("=iteration + 1.0")])
    BROKEN.append(3)
    run = run_to_rest(version)
    BROKEN.clear()
    second(version, [rounds("=iteration + 1.0")])

    made, calls = go_on(run)

    assert (made.state, made.output) == ("succeeded", {"iterations": 3, "last": 3})
    assert run.error["path"] == "l[2].b"
    assert calls == ["l[2].b"]
    assert kept(made) == ["l[0].a", "l[0].b", "l[1].a", "l[1].b", "l[2].a"]


def test_an_iteration_after_one_that_changed_is_not_kept():
    version = version_make([rounds("=iteration + 1.0")])
    BROKEN.append(3)
    run = run_to_rest(version)
    BROKEN.clear()
    second(version, [rounds("=iteration + 1.5")])

    made, calls = go_on(run)

    assert made.state == "succeeded"
    again = ["l[1].a", "l[1].b", "l[2].a", "l[2].b"]  # what it was given is not the same
    assert calls == ["l[0].b", *again]
    assert kept(made) == ["l[0].a"]


def test_bodies_in_bodies_keep_their_results():
    def steps(value):
        inner = items("=input.all", value)
        outer = body(step("x", "noted", "x"), inner, edges=edges("x>m"))
        return [container("g", "group", body=outer)]

    version = version_make(steps("=item"))
    run = run_to_rest(version, {"all": [1, 2]})
    second(version, steps("=item + 1.0"))

    made, calls = go_on(run)

    assert made.state == "succeeded"
    assert calls == ["g.m[0].b", "g.m[1].b"]
    assert kept(made) == ["g.m[0].a", "g.m[1].a", "g.x"]


def test_what_comes_after_a_step_that_changed_is_not_kept_at_any_depth():
    def steps(value):
        outer = body(step("x", "noted", value), items("=input.all"), edges=edges("x>m"))
        return [container("g", "group", body=outer)]

    version = version_make(steps("x"))
    run = run_to_rest(version, {"all": [1]})
    second(version, steps("y"))

    made, calls = go_on(run)

    assert calls == ["g.m[0].a", "g.m[0].b", "g.x"]
    assert kept(made) == []
    assert made.state == "succeeded"


def test_another_input_keeps_nothing():
    version = version_make(*failing_map())
    run = run_to_rest(version, {"all": [1, 2]})
    second(version, *failing_map())

    made, calls = go_on(run, input={"all": [1, 2, 3]})

    assert kept(made) == []
    assert len(calls) == 7


def test_a_run_all_of_whose_results_are_kept_ends_at_once():
    version = version_make(*failing_map())
    run = run_to_rest(version, {"all": [1]})
    second(version, *failing_map())

    made, calls = go_on(run)

    assert (run.state, made.state, made.output) == ("succeeded", "succeeded", run.output)
    assert calls == []
    assert states(made) == {"m": "succeeded", "check": "succeeded"}


def test_an_end_step_ends_the_new_run_too():
    steps = [step("a", "noted", 1), {"id": "stop", "kind": "end", "with": {"outcome": "done"}}]
    version = version_make(steps, edges("a>stop"))
    run = run_to_rest(version)
    second(version, steps, edges("a>stop"))

    made, calls = go_on(run)

    assert made.state == "succeeded"
    assert calls == []
    assert kept(made) == ["a"]


def test_a_path_that_the_version_does_not_have_is_refused():
    version = version_make(*failing_map())
    run = run_to_rest(version, {"all": [1]})
    second(version, [step("other")])

    with pytest.raises(Invalid):
        run_carry_on(run_id=run.pk, version=2, actor="user:x", path="m[0].b")
