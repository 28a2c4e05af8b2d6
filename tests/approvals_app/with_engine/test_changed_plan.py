"""A checkpoint's answer that changes what comes next, carried out by the real engine."""

import pytest

from approvals_app.models import ApprovalRequest
from tests.approvals_app.with_engine.driving import asked, decide, ended
from tests.engine_harness import edges, run_make, states, step, version_make, worker_running
from workflows_app.errors import Invalid
from workflows_app.models import RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
LOOK = {"id": "look", "kind": "checkpoint", "with": {"assignees": ["group:approvers"]}}


def value(id, text):
    return {"id": id, "kind": "transform", "with": {"value": text}}


def body(*steps, **more):
    return {"steps": list(steps), "edges": [], **more}


def changed(version, people, changes, **more):
    """Run to the checkpoint, answer it with these changes, and give the run as it ended."""
    with worker_running():
        run = run_make(version, {"n": 2}, user=people["olga"], **more)
        decide(asked(run), people["anna"], "change", changes=changes)
        return ended(run)


def test_a_step_is_passed_over_and_another_gets_other_settings(people, done):
    steps = [LOOK, step("a", "act", 1), step("b", "act", "=input.n"), value("c", "=steps.b.output")]
    version = version_make(steps, edges("look>a", "a>b", "b>c"))
    sets = {"b": {"name": "act", "value": "=input.n * 10.0"}}

    run = changed(version, people, {"skip": ["a"], "set": sets})

    assert done == [20]
    assert (run.state, run.output) == ("succeeded", {"did": 20})
    assert states(run) == {
        "look": "succeeded",
        "a": "skipped",
        "b": "succeeded",
        "c": "succeeded",
    }
    version.refresh_from_db()
    assert version.definition["steps"][2]["with"]["value"] == "=input.n"
    decision = RunEvent.objects.get(run=run, type="approval.decided")
    assert decision.actor == "user:anna"


def test_a_map_may_get_other_items_and_its_steps_other_values(people):
    def settings(items, text):
        return {"items": items, "body": body(value("x", text), output="=steps.x.output")}

    each = {"id": "m", "kind": "map", "with": settings([1], "=item")}
    version = version_make([LOOK, each], edges("look>m"))

    run = changed(version, people, {"set": {"m": settings([3, 4, 5], "=item * 2.0")}})

    assert run.output["items"] == [6, 8, 10]


def test_every_iteration_of_a_changed_loop_runs_the_changed_body(people):
    def settings(text):
        return {"limit": 5, "until": "output >= 6.0", "body": body(value("x", text))}

    loop = {"id": "l", "kind": "loop", "with": settings("=iteration + 4.0")}
    version = version_make([LOOK, loop], edges("look>l"))

    run = changed(version, people, {"set": {"l": settings("=(iteration + 1.0) * 3.0")}})

    assert run.output == {"iterations": 2, "last": 6}


def test_a_composite_is_expanded_anew(people):
    def settings(text):
        return {"options": [value("first", text), value("second", "spare")]}

    chain = {"id": "f", "kind": "fallback", "with": settings("one")}
    version = version_make([LOOK, chain], edges("look>f"))

    run = changed(version, people, {"set": {"f": settings("two")}})

    assert run.output == {"source": "first", "output": "two"}


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"skip": ["look"]}, "/changes/skip/look", "step_started"),
        ({"skip": ["gone"]}, "/changes/skip/gone", "unknown_step"),
        ({"set": {"b": {"value": "=steps.gone.output"}}}, "/changes/set/b/value", None),
        ({"set": {"b": {"colour": "red"}}}, "/changes/set/b", None),
        ({"set": {"b": "red"}}, "/changes/set/b", "settings"),
        (
            {"set": {"m": {"items": [1], "body": {"steps": [], "edges": []}}}},
            "/changes/set/m",
            None,
        ),
    ],
)
def test_what_cannot_be_changed_is_refused_and_the_request_stays(
    people,
    changes,
    pointer,
    code,
):
    each = {"id": "m", "kind": "map", "with": {"items": [1], "body": body(value("x", "=item"))}}
    version = version_make([LOOK, value("b", "b"), each], edges("look>b", "b>m"))
    with worker_running():
        run = run_make(version, user=people["olga"])
        request = asked(run)

        with pytest.raises(Invalid) as refused:
            decide(request, people["anna"], "change", changes=changes)

    first = refused.value.extra["problems"][0]
    assert first["pointer"].startswith(pointer)
    assert code in (None, first["code"])
    assert first["message"]
    assert ApprovalRequest.objects.get(pk=request.pk).state == "pending"
