"""Containers through the real engine: groups, maps, loops, child runs."""

import pytest

from tests.engine_harness import (
    SCRIPTS,
    edges,
    events,
    run_to_rest,
    script,
    states,
    step,
    version_make,
)
from workflows_app.core.kinds import Call, Done, StepError
from workflows_app.models import Run, Scope

pytestmark = pytest.mark.django_db(transaction=True)


def body(*steps, edges=(), **more):
    return {"steps": list(steps), "edges": list(edges), **more}


def container(id, kind, **settings):
    return {"id": id, "kind": kind, "with": settings}


@script("odd")
def _odd(call: Call) -> Done:
    if call.settings["value"] % 2:
        raise StepError("odd", f"{call.settings['value']} is odd")
    return Done(output=call.settings["value"])


def test_a_group_sees_what_is_around_it_and_gives_its_output():
    version = version_make(
        [
            step("a", value=2),
            container("g", "group", body=body(step("b", value="=steps.a.output + input.n"))),
        ],
        edges("a>g"),
    )

    run = run_to_rest(version, {"n": 5})

    assert (run.state, run.output) == ("succeeded", 7)
    assert states(run) == {"a": "succeeded", "g": "succeeded", "g.b": "succeeded"}


def test_a_map_keeps_the_order_of_its_items():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.names",
                concurrency=2,
                body=body(step("hello", value="{{ index }} {{ item }}")),
            )
        ]
    )

    run = run_to_rest(version, {"names": ["a", "b", "c", "d", "e"]})

    assert run.output == {
        "items": ["0 a", "1 b", "2 c", "3 d", "4 e"],
        "total": 5,
        "processed": 5,
        "failed": 0,
    }
    assert states(run)["m[3].hello"] == "succeeded"


def test_an_empty_map_ends_at_once():
    version = version_make([container("m", "map", items="=input.names", body=body(step("x")))])

    run = run_to_rest(version, {"names": []})

    assert run.output == {"items": [], "total": 0, "processed": 0, "failed": 0}


def test_a_map_tolerates_as_many_failures_as_it_is_told():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.n",
                failures="50%",
                body=body(step("x", "odd", "=item")),
            )
        ]
    )

    run = run_to_rest(version, {"n": [2, 3, 4, 6]})

    assert run.state == "succeeded"
    assert run.output == {"items": [2, None, 4, 6], "total": 4, "processed": 3, "failed": 1}


def test_a_map_beyond_its_failures_fails_with_what_it_has():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.n",
                concurrency=1,
                body=body(step("x", "odd", "=item")),
            )
        ]
    )

    run = run_to_rest(version, {"n": [2, 3, 4]})

    assert run.state == "failed"
    assert (run.error["code"], run.error["path"]) == ("odd", "m[1].x")
    assert states(run) == {"m": "failed", "m[0].x": "succeeded", "m[1].x": "failed"}


def test_a_batched_map_hands_out_lists():
    version = version_make(
        [container("m", "map", items="=input.n", batch=2, body=body(step("x", value="=item")))]
    )

    run = run_to_rest(version, {"n": [1, 2, 3]})

    assert run.output["items"] == [[1, 2], [3]]


def test_a_loop_carries_its_last_result_until_its_check_passes():
    version = version_make(
        [
            container(
                "refine",
                "loop",
                until="output.n >= 3.0",
                limit=10,
                body=body(step("x", value="={'n': previous.?n.orValue(0.0) + 1.0}")),
            )
        ]
    )

    run = run_to_rest(version)

    assert run.output == {"iterations": 3, "last": {"n": 3}}
    assert "refine[2].x" in states(run)


def test_a_loop_that_never_passes_is_exhausted():
    version = version_make(
        [
            container("l", "loop", until="output == 5.0", limit=2, body=body(step("x", value=1))),
            step("late"),
        ],
        edges("l.exhausted>late"),
    )

    run = run_to_rest(version)

    assert run.state == "succeeded"
    assert states(run)["late"] == "succeeded"


def test_a_loop_whose_condition_is_false_runs_nothing():
    version = version_make(
        [container("l", "loop", **{"while": "input.go"}, limit=2, body=body(step("x")))]
    )

    run = run_to_rest(version, {"go": False})

    assert run.output == {"iterations": 0, "last": None}


def test_a_loop_runs_over_items():
    version = version_make(
        [
            container(
                "l",
                "loop",
                items="=input.n",
                limit=10,
                body=body(step("x", value="=item + iteration")),
            )
        ]
    )

    run = run_to_rest(version, {"n": [10, 20]})

    assert run.output == {"iterations": 2, "last": 21}


def test_a_failure_deep_inside_names_its_path():
    version = version_make(
        [container("g", "group", body=body(container("h", "group", body=body(step("x", "boom")))))]
    )

    run = run_to_rest(version)

    assert run.error == {"code": "boom", "message": "it went wrong", "path": "g.h.x"}
    assert states(run) == {"g": "failed", "g.h": "failed", "g.h.x": "failed"}


def test_an_end_step_ends_its_body_by_a_port():
    version = version_make(
        [
            container(
                "g",
                "group",
                body=body({"id": "stop", "kind": "end", "with": {"outcome": "enough", "value": 4}}),
            ),
            step("after", value="=steps.g.output"),
        ],
        edges("g.enough>after"),
    )

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", 4)


def test_a_workflow_step_runs_another_workflow():
    child = version_make([step("x", value="=input.n * 2.0")])
    version = version_make(
        [container("sub", "workflow", slug=child.workflow.slug, input={"n": "=input.n"})]
    )

    run = run_to_rest(version, {"n": 4})

    assert (run.state, run.output) == ("succeeded", 8)
    inner = Run.objects.get(parent=run)
    assert (inner.state, inner.parent_path, inner.depth) == ("succeeded", "sub", 1)


def test_every_scope_of_an_ended_run_has_ended():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.n",
                body=body(container("g", "group", body=body(step("x", "odd", "=item")))),
                failures=9,
            )
        ]
    )

    run = run_to_rest(version, {"n": [1, 2, 3]})

    assert run.active == 0
    assert set(Scope.objects.filter(run=run).values_list("state", flat=True)) == {"ended"}
    assert "run.waiting waiting" not in events(run)
    assert "odd" in SCRIPTS


def test_a_map_that_has_enough_cancels_the_rest():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.n",
                concurrency=1,
                enough=2,
                body=body(step("x", value="=item")),
            )
        ]
    )

    run = run_to_rest(version, {"n": [1, 2, 3, 4]})

    assert run.output == {"items": [1, 2, None, None], "total": 4, "processed": 2, "failed": 0}


def test_enough_may_be_an_expression_over_what_there_is():
    version = version_make(
        [
            container(
                "m",
                "map",
                items="=input.n",
                concurrency=1,
                enough="output.processed >= 3.0",
                rest="leave",
                body=body(step("x", value="=item")),
            ),
            step("after", value="=steps.m.output.processed"),
        ],
        edges("m>after"),
    )

    run = run_to_rest(version, {"n": [1, 2, 3, 4]})

    assert (run.state, run.output) == ("succeeded", 3)


def test_a_decision_may_take_several_branches():
    version = version_make(
        [
            {
                "id": "d",
                "kind": "decision",
                "with": {
                    "mode": "all",
                    "branches": [
                        {"port": "big", "when": "input.n > 5.0"},
                        {"port": "even", "when": "input.n == 8.0"},
                        {"port": "small", "when": "input.n < 5.0"},
                    ],
                },
            },
            step("a"),
            step("b"),
            step("c"),
        ],
        edges("d.big>a", "d.even>b", "d.small>c"),
    )

    run = run_to_rest(version, {"n": 8})

    assert states(run) == {"d": "succeeded", "a": "succeeded", "b": "succeeded", "c": "skipped"}
