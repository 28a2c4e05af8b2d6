"""Runs through the real engine: joins, failures, retries, dead paths."""

import pytest

from tests.engine_harness import edges, events, run_to_rest, states, step, version_make

pytestmark = pytest.mark.django_db(transaction=True)


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
