"""Calls that nobody waits for any more are cut, and their slots are free again."""

import threading
import time

import pytest

from tests.engine_harness import (
    edges,
    run_make,
    script,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Call, Done, StepError
from workflows_app.models import Run, StepRun
from workflows_app.services.control import run_cancel

pytestmark = pytest.mark.django_db(transaction=True)
BEGUN = threading.Event()
CUT: list[float] = []
LONGEST = 10.0


@pytest.fixture(autouse=True)
def _fresh():
    BEGUN.clear()
    CUT.clear()


@script("patient")
def _patient(call: Call) -> Done:
    """Go on until the call is cancelled, as a model or tool call does; say when that was."""
    BEGUN.set()
    pause, ends = threading.Event(), time.monotonic() + LONGEST
    while time.monotonic() < ends:
        if call.is_cancelled():
            CUT.append(time.monotonic())
            raise StepError("cancelled", "nobody waits for it")
        pause.wait(0.02)
    return Done(output="it went on to its end")


def test_the_call_of_a_cancelled_run_is_cut_and_its_slot_is_free():
    version = version_make([step("a", "patient")])

    with worker_running(slots=1) as worker:
        run = run_make(version)
        assert BEGUN.wait(5)
        asked = time.monotonic()
        run_cancel(run_id=run.pk, actor="user:anna", reason="not needed")
        until(lambda: bool(CUT))
        until(lambda: worker.board.free == 1)

    assert CUT[0] - asked < 2
    assert Run.objects.get(pk=run.pk).state == "cancelled"
    assert states(run) == {"a": "cancelled"}


def test_a_slower_way_is_cut_when_another_one_won():
    version = version_make(
        [step("slow", "patient"), step("fast"), step("first", join="any", rest="cancel")],
        edges("slow>first", "fast>first"),
    )

    with worker_running(slots=2):
        run = run_make(version)
        until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")
        until(lambda: bool(CUT) or not BEGUN.is_set())

    assert states(run)["slow"] == "cancelled"


def test_a_call_with_an_effect_is_let_finish():
    version = version_make([step("a", "brief", effect="irreversible")])

    with worker_running():
        run = run_make(version)
        assert BEGUN.wait(5)
        run_cancel(run_id=run.pk, actor="user:anna", reason="not needed")
        until(lambda: Run.objects.get(pk=run.pk).state == "cancelled")

    assert CUT == []
    assert StepRun.objects.get(run=run).output == "done with it"


@script("brief")
def _brief(call: Call) -> Done:
    BEGUN.set()
    pause, ends = threading.Event(), time.monotonic() + 1.5
    while time.monotonic() < ends:
        if call.is_cancelled():
            CUT.append(time.monotonic())
        pause.wait(0.02)
    return Done(output="done with it")


def test_a_call_that_does_not_answer_in_time_is_told_to_stop():
    version = version_make([step("a", "patient", timeout="200ms", retry={"attempts": 1})])

    with worker_running(slots=1) as worker:
        run = run_make(version)
        until(lambda: bool(CUT))
        until(lambda: worker.board.free == 1)

    assert states(run) == {"a": "timed_out"}
