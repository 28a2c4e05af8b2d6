"""Runs through the real engine: joins, failures, retries, dead paths."""

import threading

import pytest

from tests.engine_harness import (
    edges,
    events,
    run_make,
    run_to_rest,
    script,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Call, Done
from workflows_app.models import Run, RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
HANG = threading.Event()


@script("hang")
def _hang(call: Call) -> Done:
    HANG.wait(30)
    return Done(output="too late")


def test_a_chain_hands_results_on():
    version = version_make(
        [step("a", value="=input.n"), step("b", value="={'seen': steps.a.output}")],
        edges("a>b"),
        output={"last": "=steps.b.output.seen"},
    )

    run = run_to_rest(version, {"n": 7})

    assert (run.state, run.output) == ("succeeded", {"last": 7})
    assert events(run) == [
        "run.queued queued",
        "step.ready a ready",
        "run.started running",
        "step.started a running",
        "step.ended a succeeded",
        "step.ready b ready",
        "step.started b running",
        "step.ended b succeeded",
        "run.ended succeeded",
    ]


def test_a_failure_names_its_step_and_stops_the_rest():
    version = version_make([step("a"), step("b", "boom"), step("c")], edges("a>b", "b>c"))

    run = run_to_rest(version)

    assert run.state == "failed"
    assert run.error == {"code": "boom", "message": "it went wrong", "path": "b"}
    assert states(run) == {"a": "succeeded", "b": "failed"}


def test_an_error_edge_takes_the_failure():
    version = version_make(
        [step("a", "boom"), step("good"), step("bad", value="=steps.a.error.code")],
        edges("a>good", "a.error>bad"),
    )

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", "boom")
    assert states(run) == {"a": "failed", "good": "skipped", "bad": "succeeded"}


def test_a_retry_waits_and_succeeds():
    version = version_make(
        [step("a", "flaky", 3, retry={"attempts": 3, "initial": "10ms", "jitter": False})]
    )

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", 3)
    assert [one for one in events(run) if "waiting" in one and "step" in one] == [
        "step.waiting a waiting"
    ] * 2


def test_a_join_that_only_failures_reach_is_a_failure():
    version = version_make(
        [step("a", "boom"), step("b", "boom"), step("c", join="any")], edges("a>c", "b>c")
    )

    run = run_to_rest(version)

    assert (run.state, run.error["code"], run.error["path"]) == ("failed", "all_failed", "c")


def test_a_quorum_that_cannot_be_met_is_an_error_of_its_own():
    version = version_make(
        [step("a"), step("b", "boom"), step("c", "boom"), step("d", join={"quorum": 2})],
        edges("a>d", "b>d", "c>d"),
    )

    run = run_to_rest(version)

    assert (run.state, run.error["code"]) == ("failed", "quorum_missed")


def test_an_optional_step_that_fails_leaves_a_degraded_run():
    version = version_make(
        [step("a", "boom", optional=True), step("b", value="=steps.a.output")], edges("a>b")
    )

    run = run_to_rest(version)

    assert (run.state, run.output) == ("succeeded", None)
    assert run.degraded == [{"path": "a", "code": "boom", "message": "it went wrong"}]


def test_a_false_condition_passes_a_step_over():
    version = version_make(
        [step("a", when="input.go"), step("b", value="=steps.a.state")], edges("a>b")
    )

    run = run_to_rest(version, {"go": False})

    assert (run.state, run.output) == ("succeeded", "skipped")


def test_the_first_of_several_wins_and_the_rest_is_cancelled():
    version = version_make(
        [
            step("quick"),
            {"id": "slow", "kind": "delay", "with": {"for": "1h"}},
            step("after", join="any"),
        ],
        edges("quick>after", "slow>after"),
    )

    run = run_to_rest(version)

    assert run.state == "succeeded"
    assert states(run) == {"quick": "succeeded", "slow": "cancelled", "after": "succeeded"}


def test_two_steps_that_need_the_same_name_take_turns():
    version = version_make(
        [step("a", exclusive="till"), step("b", exclusive="till"), step("c")], edges("a>c", "b>c")
    )

    run = run_to_rest(version)

    assert run.state == "succeeded"


def test_a_cached_call_is_answered_without_being_made():
    version = version_make(
        [step("a", value=4, cache=True), step("b", value=4, cache=True)], edges("a>b")
    )

    run = run_to_rest(version)

    assert run.state == "succeeded"
    kept = RunEvent.objects.get(run=run, path="b", type="step.ended")
    assert kept.data["cached"] == f"{run.pk}/a"


def test_a_step_that_hangs_is_given_up_in_time():
    version = version_make([step("a", "hang", timeout="100ms", retry={"attempts": 1})])

    with worker_running():
        run = run_make(version)
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)
        HANG.set()  # the call comes back while the worker still counts its slot

    run.refresh_from_db()
    assert (run.state, run.error["code"]) == ("failed", "timeout")
    assert states(run) == {"a": "timed_out"}
