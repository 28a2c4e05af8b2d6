"""What people do to runs: pause, cancel, retry, skip, fail, roll back."""

import pytest

from tests.engine_harness import (
    at_rest,
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
from workflows_app.core.canonical import digest
from workflows_app.core.kinds import Call, Done, StepError
from workflows_app.errors import IllegalState
from workflows_app.models import Run, RunEvent, StepRun, WorkflowVersion
from workflows_app.services import control, rerun
from workflows_app.services.carry_on import run_carry_on

pytestmark = pytest.mark.django_db(transaction=True)
BROKEN: set[str] = set()
CALLS: list[tuple[str, str]] = []


@script("switch")
def _switch(call: Call) -> Done:
    """Fail while its name is in BROKEN; remember each call with its key."""
    CALLS.append((call.path, call.key))
    if call.settings["value"] in BROKEN:
        raise StepError("broken", "still broken")
    return Done(output=call.settings["value"])


@script("vanish")
def _vanish(call: Call) -> Done:
    CALLS.append((call.path, call.key))
    if call.settings["value"] in BROKEN:
        raise StepError("lost", "no answer", outcome_unknown=True)
    return Done(output="done")


@pytest.fixture(autouse=True)
def fresh():
    BROKEN.clear()
    CALLS.clear()


def finish(run, act):
    with worker_running():
        act()
        until(lambda: at_rest(run.pk))
    return Run.objects.get(pk=run.pk)


def test_a_retry_runs_the_step_and_what_follows_and_keeps_the_rest():
    version = version_make(
        [step("a", "switch", "a"), step("b", "switch", "b"), step("c", "switch", "c")],
        edges("a>b", "b>c"),
    )
    BROKEN.add("b")
    run = run_to_rest(version)
    BROKEN.clear()

    run = finish(run, lambda: rerun.run_retry(run_id=run.pk, actor="user:x", reason="mended"))

    assert (run.state, run.output, run.error) == ("succeeded", "c", None)
    assert [path for path, _key in CALLS] == ["a", "b", "b", "c"]
    assert len({key for path, key in CALLS if path == "b"}) == 2
    assert StepRun.objects.get(run=run, path="b", is_current=True).generation == 1
    assert "run.reopened running" in events(run)
    assert "step.superseded b failed" in events(run)


def test_a_retry_of_an_earlier_step_settles_what_followed_again():
    version = version_make([step("a", "switch", "a"), step("b", "switch", "b")], edges("a>b"))
    run = run_to_rest(version)

    run = finish(run, lambda: rerun.run_retry(run_id=run.pk, path="a", actor="user:x"))

    assert [path for path, _key in CALLS] == ["a", "b", "a", "b"]
    assert run.state == "succeeded"
    generations = StepRun.objects.filter(run=run, is_current=True).values_list(
        "generation", flat=True
    )
    assert set(generations) == {1}


def test_a_retry_takes_an_edited_input():
    version = version_make([step("a", "switch", "bad")])
    BROKEN.add("bad")
    run = run_to_rest(version)

    run = finish(
        run,
        lambda: rerun.run_retry(
            run_id=run.pk, path="a", actor="user:x", input={"name": "switch", "value": "good"}
        ),
    )

    assert (run.state, run.output) == ("succeeded", "good")


def test_one_item_of_a_failed_map_is_retried_and_the_cut_off_items_run():
    version = version_make(
        [
            {
                "id": "m",
                "kind": "map",
                "with": {
                    "items": "=input.n",
                    "concurrency": 1,
                    "body": {"steps": [step("x", "switch", "=item")], "edges": []},
                },
            },
            step("after", "switch", "after"),
        ],
        edges("m>after"),
    )
    BROKEN.add("two")
    run = run_to_rest(version, {"n": ["one", "two", "three"]})
    assert run.state == "failed"
    BROKEN.clear()

    run = finish(run, lambda: rerun.run_retry(run_id=run.pk, path="m[1]", actor="user:x"))

    assert run.state == "succeeded"
    items = StepRun.objects.get(run=run, path="m", is_current=True).output
    assert items == {"items": ["one", "two", "three"], "total": 3, "processed": 3, "failed": 0}
    assert [path for path, _key in CALLS].count("m[0].x") == 1


def test_an_effect_with_an_unknown_outcome_waits_for_a_person_and_keeps_its_key():
    version = version_make(
        [step("pay", "vanish", "pay", effect="irreversible", is_idempotent=False)]
    )
    BROKEN.add("pay")
    run = run_to_rest(version)
    assert run.state == "waiting"
    waiting = StepRun.objects.get(run=run, path="pay")
    assert (waiting.state, waiting.reason) == ("waiting", "incident")
    BROKEN.clear()

    run = finish(run, lambda: rerun.run_retry(run_id=run.pk, actor="user:x", reason="asked them"))

    assert (run.state, run.output) == ("succeeded", "done")
    assert len({key for _path, key in CALLS}) == 1


def test_an_incident_can_be_skipped_with_an_output():
    version = version_make(
        [
            step("pay", "vanish", "pay", effect="irreversible", is_idempotent=False),
            step("next", value="=steps.pay.output"),
        ],
        edges("pay>next"),
    )
    BROKEN.add("pay")
    run = run_to_rest(version)

    run = finish(
        run,
        lambda: rerun.run_skip(run_id=run.pk, path="pay", actor="user:x", output="paid by hand"),
    )

    assert (run.state, run.output) == ("succeeded", "paid by hand")
    assert states(run)["pay"] == "skipped"


def test_an_incident_can_be_failed():
    version = version_make(
        [step("pay", "vanish", "pay", effect="irreversible", is_idempotent=False)]
    )
    BROKEN.add("pay")
    run = run_to_rest(version)

    run = finish(
        run, lambda: rerun.run_fail(run_id=run.pk, path="pay", actor="user:x", reason="no")
    )

    assert (run.state, run.error["code"]) == ("failed", "lost")


def test_a_failed_step_can_be_skipped_and_the_run_goes_on():
    version = version_make([step("a", "boom"), step("b", value="=steps.a.output")], edges("a>b"))
    run = run_to_rest(version)

    run = finish(run, lambda: rerun.run_skip(run_id=run.pk, path="a", actor="user:x", output=5))

    assert (run.state, run.output) == ("succeeded", 5)


def test_a_paused_run_claims_nothing_until_it_is_resumed():
    version = version_make([step("a", "switch", "a")])
    run = run_make(version)
    control.run_pause(run_id=run.pk, actor="user:x", reason="lunch")
    with worker_running() as worker:
        assert worker.advance([run.pk]) == 0
        assert CALLS == []

        control.run_resume(run_id=run.pk, actor="user:x")
        until(lambda: at_rest(run.pk))

    assert Run.objects.get(pk=run.pk).state == "succeeded"
    assert "run.paused paused" in events(run)


def test_a_cancel_ends_a_run_that_never_began():
    version = version_make([step("a")])
    run = run_make(version)

    run = control.run_cancel(run_id=run.pk, actor="user:x", reason="not needed")

    assert run.state == "cancelled"
    assert events(run)[-3:] == [
        "state.changed cancelling",
        "step.ended a cancelled",
        "run.ended cancelled",
    ]
    last = RunEvent.objects.filter(run=run).latest("sequence")
    assert (last.actor, last.why) == ("user:x", "not needed")
    with pytest.raises(IllegalState) as refused:
        control.run_cancel(run_id=run.pk, actor="user:x")
    assert refused.value.extra["allowed"] == ["retry", "skip"]


def test_a_rollback_undoes_in_reverse_order():
    undo = {"kind": "script", "name": "switch", "value": "=output"}
    version = version_make(
        [
            step("a", "switch", "a", effect="reversible", undo=undo),
            step("b", "switch", "b", effect="reversible", undo=undo),
            step("c", "boom"),
        ],
        edges("a>b", "b>c"),
        on_failure="compensate",
    )

    run = run_to_rest(version)

    assert run.state == "compensated"
    assert [path for path, _key in CALLS] == ["a", "b", "b.undo", "a.undo"]
    assert states(run)["a"] == "compensated"
    assert [one for one in events(run) if one.startswith("step.undone")] == [
        "step.undone b compensated",
        "step.undone a compensated",
    ]


def test_a_retry_on_another_version_keeps_what_did_not_change():
    version = version_make(
        [step("a", "switch", "a"), step("b", "switch", "b"), step("c", "switch", "c")],
        edges("a>b", "b>c"),
    )
    BROKEN.add("b")
    run = run_to_rest(version)
    definition = {**version.definition}
    definition["steps"] = [
        step("a", "switch", "a"),
        step("b", "switch", "mended"),
        step("c", "switch", "c"),
    ]
    WorkflowVersion.objects.create(
        workflow=version.workflow,
        number=2,
        digest=digest(definition),
        definition=definition,
        expanded=definition,
    )

    with worker_running():
        fresh = run_carry_on(run_id=run.pk, version=2, actor="user:x", reason="v2 mends it")
        until(lambda: at_rest(fresh.pk))

    fresh.refresh_from_db()
    assert (fresh.state, fresh.output, fresh.continued_from_id) == ("succeeded", "c", run.pk)
    assert [path for path, _key in CALLS] == ["a", "b", "b", "c"]
    kept = RunEvent.objects.get(run=fresh, path="a", type="step.ended")
    assert kept.data["kept_from"] == str(run.pk)
