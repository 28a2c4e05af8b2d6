"""The output of a body sees its steps as the transaction that ends it leaves them."""

import threading

import pytest

from tests.engine_harness import SCRIPTS, edges, run_make, states, step, until, version_make
from tests.engine_harness import worker_running as working
from workflows_app.core.kinds import StepError
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.models import Run

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_state_and_error_of_the_step_that_failed_last():
    gate = threading.Event()

    def late(call):
        gate.wait(10)
        raise StepError("late", "it failed last")

    SCRIPTS["late_failure"] = late
    version = version_make(
        [step("a", "late_failure"), step("b"), step("j", join="any", rest="leave")],
        edges("a>j", "b>j"),
        output={"state": "=steps.a.state", "code": "=steps.a.error.code", "j": "=steps.j.state"},
    )

    with working():
        run = run_make(version)
        until(lambda: states(run).get("j") == "succeeded")
        gate.set()
        until(lambda: Run.objects.get(pk=run.pk).state in RUN_TERMINAL)

    run.refresh_from_db()
    assert run.state == "succeeded"
    assert run.output == {"state": "failed", "code": "late", "j": "succeeded"}
