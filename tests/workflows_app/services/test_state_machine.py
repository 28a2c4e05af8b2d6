"""State machines through the real engine: triggers, guards, bodies, time-outs."""

import pytest

from tests.engine_harness import (
    at_rest,
    events,
    run_make,
    run_to_rest,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.errors import IllegalState
from workflows_app.models import Run, RunEvent, StepRun
from workflows_app.services import control
from workflows_app.services.triggers import trigger_fire

pytestmark = pytest.mark.django_db(transaction=True)


def machine(initial, states, transitions):
    return version_make(
        [
            {
                "id": "m",
                "kind": "state_machine",
                "with": {
                    "initial": initial,
                    "states": states,
                    "transitions": [
                        dict(zip(("trigger", "from", "to", "guard"), one, strict=False))
                        for one in transitions
                    ],
                },
            }
        ]
    )


def entry(*steps):
    return {"steps": list(steps), "edges": []}


def changes(run):
    found = RunEvent.objects.filter(run=run, type="state.changed", path="m").order_by("sequence")
    return [(one.from_state, one.to_state, one.trigger) for one in found]


ORDER = machine_states = {
    "open": {},
    "paying": {
        "entry": entry(step("pay", "boom")),
        "fires": {"done": "paid", "error": "again"},
    },
    "paid": {"terminal": True},
    "dropped": {"terminal": True},
}
MOVES = [
    ("go", "open", "paying"),
    ("paid", "paying", "paid"),
    ("again", "paying", "paying", "states.paying.visits < 3.0"),
    ("again", "paying", "dropped"),
    ("drop", ["open", "paying"], "dropped"),
]


def test_a_machine_waits_for_a_trigger_and_ends_by_its_terminal_state():
    version = machine("open", {"open": {}, "shut": {"terminal": True}}, [("shut", "open", "shut")])
    run = run_to_rest(version)
    waiting = StepRun.objects.get(run=run, path="m")
    assert (run.state, waiting.state, waiting.reason) == ("waiting", "waiting", "trigger")

    trigger_fire(run_id=run.pk, path="m", trigger="shut", data={"by": "phone"}, actor="user:x")

    run.refresh_from_db()
    assert run.state == "succeeded"
    assert run.output == {"state": "shut", "visits": {"open": 1, "shut": 1}}
    assert changes(run) == [("", "open", ""), ("open", "shut", "shut")]
    assert StepRun.objects.get(run=run, path="m").port == "shut"


def test_a_trigger_that_fits_nothing_is_refused_with_those_that_do():
    version = machine("open", ORDER, MOVES)
    run = run_to_rest(version)

    with pytest.raises(IllegalState) as refused:
        trigger_fire(run_id=run.pk, path="m", trigger="paid", data=None, actor="user:x")

    assert refused.value.extra["allowed"] == ["go", "drop"]
    assert changes(run) == [("", "open", "")]


def test_guards_over_history_bound_the_retries():
    version = machine("open", ORDER, MOVES)
    run = run_to_rest(version)

    with worker_running():
        trigger_fire(run_id=run.pk, path="m", trigger="go", data=None, actor="user:x")
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)

    run.refresh_from_db()
    assert run.output == {"state": "dropped", "visits": {"open": 1, "paying": 3, "dropped": 1}}
    assert [to for _from, to, _trigger in changes(run)] == [
        "open",
        "paying",
        "paying",
        "paying",
        "dropped",
    ]
    paths = StepRun.objects.filter(run=run, step="pay").order_by("path")
    assert [one.path for one in paths] == [f"m.paying[{n}].pay" for n in range(3)]
    last = RunEvent.objects.filter(run=run, type="state.changed").latest("sequence")
    assert [one["result"] for one in last.data["guards"]] == [False]


def test_an_entry_result_fires_a_trigger_and_its_output_is_kept():
    version = machine(
        "first",
        {
            "first": {"entry": entry(step("x", value={"n": 4})), "fires": {"done": "next"}},
            "second": {
                "entry": entry(step("y", value="=states.first.output.n + 1.0")),
                "terminal": True,
            },
        },
        [("next", "first", "second")],
    )

    run = run_to_rest(version)

    assert run.state == "succeeded"
    assert StepRun.objects.get(run=run, path="m.second[0].y").output == 5


def test_a_state_times_out_into_a_trigger():
    version = machine(
        "open",
        {
            "open": {"timeout": {"after": "50ms", "trigger": "late"}},
            "lost": {"terminal": True},
        },
        [("late", "open", "lost")],
    )

    with worker_running():
        run = run_make(version)
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)

    run.refresh_from_db()
    assert run.output["state"] == "lost"


def test_an_inner_trigger_that_leads_nowhere_fails_the_machine():
    version = machine(
        "first",
        {
            "first": {"entry": entry(step("x")), "fires": {"done": "nowhere"}},
            "z": {"terminal": True},
        },
        [("next", "first", "z")],
    )

    run = run_to_rest(version)

    assert (run.state, run.error["code"]) == ("failed", "illegal_trigger")


def test_leaving_a_state_cancels_what_it_was_doing():
    version = machine(
        "busy",
        {
            "busy": {"entry": entry({"id": "d", "kind": "delay", "with": {"for": "1h"}})},
            "shut": {"terminal": True},
        },
        [("shut", "busy", "shut")],
    )
    with worker_running():
        run = run_make(version)
        until(lambda: StepRun.objects.filter(run=run, step="d", state="waiting").exists())

        trigger_fire(run_id=run.pk, path="m", trigger="shut", data=None, actor="user:x")

        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)
    assert "step.ended m.busy[0].d cancelled" in events(run)


def test_a_waiting_machine_can_be_cancelled():
    version = machine("open", ORDER, MOVES)
    run = run_to_rest(version)

    run = control.run_cancel(run_id=run.pk, actor="user:x")

    assert run.state == "cancelled"
    assert at_rest(run.pk)


def test_an_entry_sees_states_that_were_never_visited():
    count = "={'never': states.never.visits, 'here': states.first.visits}"
    version = machine(
        "first",
        {
            "first": {"entry": entry(step("x", value=count)), "terminal": True},
            "never": {"terminal": True},
        },
        [("go", "first", "never")],
    )

    run = run_to_rest(version)

    assert StepRun.objects.get(run=run, path="m.first[0].x").output == {"never": 0, "here": 1}
