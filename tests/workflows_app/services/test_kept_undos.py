"""Going on with another version: who undoes what was kept, and that it happens once."""

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
from workflows_app.errors import IllegalState
from workflows_app.models import Run, RunEvent, WorkflowVersion
from workflows_app.services.carry_on import run_carry_on
from workflows_app.services.control import run_rollback

pytestmark = pytest.mark.django_db(transaction=True)
LEDGER: list[str] = []


@script("kept_pay")
def _pay(call: Call) -> Done:
    LEDGER.append(f"pay {call.settings['value']}")
    return Done(output={"id": call.settings["value"]})


@script("kept_refund")
def _refund(call: Call) -> Done:
    LEDGER.append(f"refund {call.settings['value']}")
    return Done()


@script("kept_broken")
def _broken(call: Call) -> Done:
    raise StepError("broken", "not yet")


@pytest.fixture(autouse=True)
def fresh():
    LEDGER.clear()


def pay(id, value):
    undo = {"kind": "script", "name": "kept_refund", "value": "=output.id"}
    return step(id, "kept_pay", value, effect="reversible", undo=undo)


def group(*steps):
    links = edges("b>c") if len(steps) > 1 else []
    return {"id": "g", "kind": "group", "with": {"body": {"steps": [*steps], "edges": links}}}


def newer(version, number, last):
    """Publish another version that differs in its last step."""
    steps = [*version.definition["steps"][:-1], last]
    definition = {**version.definition, "steps": steps}
    return WorkflowVersion.objects.create(
        workflow=version.workflow,
        number=number,
        digest=digest(definition),
        definition=definition,
        expanded=expand(definition),
    )


def go_on(run, number):
    with worker_running():
        made = run_carry_on(run_id=run.pk, version=number, actor="user:x")
        until(lambda: at_rest(made.pk))
    made.refresh_from_db()
    return made


def roll_back(run):
    with worker_running():
        run_rollback(run_id=run.pk, actor="user:x", reason="all of it")
        until(lambda: Run.objects.get(pk=run.pk).finished_at is not None)
    run.refresh_from_db()
    return run


def broken_run():
    first = version_make(
        [pay("a", 1), group(pay("b", 2)), step("c", "kept_broken")], edges("a>g", "g>c")
    )
    newer(first, 2, pay("c", 3))
    newer(first, 3, pay("c", 4))
    return run_to_rest(first)


def test_a_rollback_undoes_what_was_kept_once_and_never_with_the_run_that_acted():
    old = broken_run()
    new = go_on(old, 2)
    assert LEDGER == ["pay 1", "pay 2", "pay 3"]

    with pytest.raises(IllegalState):
        run_rollback(run_id=old.pk, actor="user:x")
    assert roll_back(new).state == "compensated"

    assert LEDGER[3:] == ["refund 3", "refund 2", "refund 1"]
    assert states(new)["a"] == states(new)["c"] == "compensated"
    assert (states(old)["a"], states(old)["g.b"]) == ("compensated", "compensated")
    undone = RunEvent.objects.filter(run=new, type="step.undone").order_by("sequence")
    assert [one.path for one in undone] == ["c", "g.b", "a"]
    for run in (old, new):
        with pytest.raises(IllegalState):
            run_rollback(run_id=run.pk, actor="user:x")


def test_the_record_of_a_run_says_which_run_undoes_what_it_did_from_now_on():
    old = broken_run()
    second = go_on(old, 2)
    third = go_on(second, 3)

    def moved(run):
        found = RunEvent.objects.filter(run=run, trigger="kept").order_by("sequence")
        return [(one.path, one.data["kept_by"], one.why.split()[1]) for one in found]

    assert moved(old) == [(path, str(second.pk), str(second.number)) for path in ("a", "g.b")]
    assert moved(second) == [(path, str(third.pk), str(third.number)) for path in ("a", "g.b")]
    assert moved(third) == []
    numbers = RunEvent.objects.filter(run=old).values_list("sequence", flat=True)
    assert sorted(numbers) == list(range(1, len(numbers) + 1))


def test_the_newest_run_that_keeps_a_result_has_its_undo():
    old = broken_run()
    second = go_on(old, 2)
    third = go_on(second, 3)
    assert LEDGER == ["pay 1", "pay 2", "pay 3", "pay 4"]

    assert roll_back(second).state == "compensated"
    assert LEDGER[4:] == ["refund 3"]
    assert roll_back(third).state == "compensated"

    assert LEDGER[5:] == ["refund 4", "refund 2", "refund 1"]


def test_what_was_undone_is_not_kept():
    old = broken_run()
    roll_back(old)
    LEDGER.clear()

    new = go_on(old, 2)

    assert new.state == "succeeded"
    assert LEDGER == ["pay 1", "pay 2", "pay 3"]


def test_what_is_kept_inside_a_body_is_undone_by_the_run_that_keeps_it():
    first = version_make([pay("a", 1), group(pay("b", 2), step("c", "kept_broken"))], edges("a>g"))
    newer(first, 2, group(pay("b", 2), pay("c", 3)))
    old = run_to_rest(first)
    new = go_on(old, 2)
    assert LEDGER == ["pay 1", "pay 2", "pay 3"]

    assert roll_back(new).state == "compensated"

    assert sorted(LEDGER[3:]) == ["refund 1", "refund 2", "refund 3"]
    assert states(new)["g.b"] == "compensated"
