"""One action on many runs: fixed when counted, each run steered once, whatever dies."""

import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from tests.engine_harness import (
    edges,
    run_make,
    run_to_rest,
    script,
    states,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Done, StepError
from workflows_app.errors import Forbidden, IllegalState, Invalid, NotFound
from workflows_app.models import AppEvent, BulkItem, BulkOperation, Run, RunEvent
from workflows_app.selectors.bulk import bulk_counts, bulk_effect
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.bulk import bulk_propose, bulk_start, bulk_stop
from workflows_app.services.bulk_work import BulkWork, bulk_work, item_settle, item_take, mark_of
from workflows_app.services.control import run_pause
from workflows_app.services.people import person_create, workspace_create

pytestmark = pytest.mark.django_db(transaction=True)
BROKEN = set()


@script("bulk_switch")
def _switch(call):
    if call.settings["value"] in BROKEN:
        raise StepError("broken", "still broken")
    return Done(output=call.settings["value"])


@pytest.fixture(autouse=True)
def fresh():
    BROKEN.clear()


def who(version, name="mira", roles=("operator",)):
    person = person_create(username=name, workspace=version.workflow.workspace, roles=roles)
    return principal_of_user(person)


def waits(count=1):
    """Give runs that wait for a time."""
    version = version_make([{"id": "a", "kind": "delay", "with": {"for": "1h"}}])
    return version, [run_make(version) for _ in range(count)]


def begin(principal, action, **more):
    reason = more.pop("reason", "")
    proposed = bulk_propose(principal=principal, action=action, reason=reason, **more)
    return bulk_start(bulk_id=proposed.pk, actor=principal.actor)


def finish(operation):
    bulk_work(seconds=20)
    operation.refresh_from_db()
    return operation


def test_pauses_every_run_of_a_filter_and_records_it_in_each():
    version, runs = waits(3)
    mira = who(version)
    operation = begin(
        mira, "pause", filter={"workflow": version.workflow.slug}, reason="stock count"
    )

    operation = finish(operation)

    assert (operation.state, operation.total) == ("done", 3)
    assert bulk_counts(operation=operation)["done"] == 3
    assert {Run.objects.get(pk=run.pk).state for run in runs} == {"paused"}
    for run in runs:
        event = RunEvent.objects.get(run=run, type="run.paused")
        assert event.actor == "user:mira"
        assert event.why == f"stock count · bulk operation {operation.number}"
    recorded = AppEvent.objects.filter(object=f"bulk:{operation.number}").order_by("pk")
    assert [one.type for one in recorded] == ["runs.bulk_started", "runs.bulk_ended"]
    assert recorded[1].data == {"action": "pause", "total": 3, "done": 3, "failed": 0, "left": 0}


def test_a_run_that_refuses_does_not_stop_the_others():
    version, runs = waits(2)
    mira = who(version)
    begin(mira, "pause", ids=[runs[0].pk])
    bulk_work(seconds=20)
    unknown = uuid4()

    operation = finish(begin(mira, "pause", ids=[runs[0].pk, runs[1].pk, unknown]))

    found = {item.run_id: item for item in operation.items.all()}
    assert found[runs[1].pk].state == "done"
    assert found[runs[0].pk].problem["code"] == "illegal_state"
    assert found[unknown].problem["code"] == "not_found"


def test_the_runs_are_those_that_were_counted():
    version, _ = waits(2)
    mira = who(version)
    proposed = bulk_propose(
        principal=mira, action="pause", filter={"workflow": version.workflow.slug}
    )
    later = run_make(version)

    bulk_start(bulk_id=proposed.pk, actor=mira.actor)
    finish(proposed)

    assert proposed.total == 2
    assert Run.objects.get(pk=later.pk).state != "paused"


def test_nothing_happens_before_it_is_begun_and_old_proposals_are_dropped():
    version, runs = waits(1)
    mira = who(version)
    proposed = bulk_propose(principal=mira, action="pause", ids=[runs[0].pk])

    assert bulk_work(seconds=1) == 0
    BulkOperation.objects.update(created_at=timezone.now() - timedelta(hours=2))
    BulkWork().sweep(timezone.now())

    assert not BulkOperation.objects.filter(pk=proposed.pk).exists()
    assert Run.objects.get(pk=runs[0].pk).state != "paused"


def test_an_item_whose_process_died_after_acting_is_not_acted_on_again():
    version, runs = waits(1)
    mira = who(version)
    operation = begin(mira, "pause", ids=[runs[0].pk])
    item = item_take()
    run_pause(
        run_id=item.run_id, actor=operation.actor, reason=mark_of(operation)
    )  # and the process dies before it writes the result
    assert item_take() is None  # the lease holds
    BulkItem.objects.update(taken_at=timezone.now() - timedelta(minutes=5))

    finish(operation)

    assert operation.items.get().state == "done"
    assert RunEvent.objects.filter(run=runs[0], type="run.paused").count() == 1


def test_an_item_whose_process_died_before_acting_is_acted_on():
    version, runs = waits(1)
    mira = who(version)
    operation = begin(mira, "pause", ids=[runs[0].pk])
    item_take()
    BulkItem.objects.update(taken_at=timezone.now() - timedelta(minutes=5))

    finish(operation)

    assert operation.items.get().attempts == 2
    assert Run.objects.get(pk=runs[0].pk).state == "paused"


def test_a_late_result_of_a_lost_taker_is_not_written():
    version, runs = waits(1)
    mira = who(version)
    operation = begin(mira, "pause", ids=[runs[0].pk])
    late = item_take()
    BulkItem.objects.update(taken_at=timezone.now() - timedelta(minutes=5))
    finish(operation)

    item_settle(late)

    item = operation.items.get()
    assert (item.state, item.problem, item.attempts) == ("done", None, 2)


def test_retries_what_failed():
    version = version_make([step("a", "bulk_switch", "a"), step("b")], edges("a>b"))
    mira = who(version)
    BROKEN.add("a")
    runs = [run_to_rest(version) for _ in range(2)]
    BROKEN.clear()

    with worker_running():
        operation = finish(begin(mira, "retry", filter={"state": "failed"}, reason="mended"))
        until(lambda: not Run.objects.exclude(state="succeeded").exists())

    assert bulk_counts(operation=operation)["done"] == 2
    assert states(runs[0]) == {"a": "succeeded", "b": "succeeded"}
    reopened = RunEvent.objects.get(run=runs[0], type="run.reopened")
    assert reopened.why == f"mended · bulk operation {operation.number}"


def test_skips_with_the_output_that_was_given():
    version = version_make([step("a", "bulk_switch", "a")])
    mira = who(version)
    BROKEN.add("a")
    run = run_to_rest(version)

    with worker_running():
        finish(begin(mira, "skip", ids=[run.pk], fields={"output": {"by": "hand"}}))
        until(lambda: Run.objects.get(pk=run.pk).state == "succeeded")

    assert Run.objects.get(pk=run.pk).output == {"by": "hand"}


def test_cancelling_wants_a_reason_and_changes_nothing_without():
    version, runs = waits(1)
    mira = who(version)

    with pytest.raises(Invalid, match="reason"):
        begin(mira, "cancel", ids=[runs[0].pk])

    assert BulkOperation.objects.get().state == "proposed"


def test_what_it_would_do_is_counted_by_state():
    version, runs = waits(2)
    mira = who(version)
    finish(begin(mira, "pause", ids=[runs[0].pk]))

    proposed = bulk_propose(principal=mira, action="pause", ids=[run.pk for run in runs])

    assert bulk_effect(operation=proposed) == {
        "fits": 1,
        "others": [("paused", 1)],
        "unknown": 0,
    }


def test_stopping_leaves_what_was_not_reached():
    version, runs = waits(2)
    mira = who(version)
    operation = begin(mira, "pause", ids=[run.pk for run in runs])
    item_settle(item_take())

    stopped = bulk_stop(bulk_id=operation.pk, actor="user:mira", reason="enough")

    assert bulk_counts(operation=stopped) == {
        "pending": 0,
        "working": 0,
        "done": 1,
        "failed": 0,
        "left": 1,
    }
    assert (stopped.state, bulk_work(seconds=1)) == ("stopped", 0)
    with pytest.raises(IllegalState):
        bulk_stop(bulk_id=operation.pk, actor="user:mira")


def test_who_may_not_run_things_begins_nothing_and_strangers_see_no_runs():
    version, _ = waits(1)
    vera = who(version, "vera", roles=("viewer",))
    elsewhere = workspace_create(name="Elsewhere")[0]
    nobody = principal_of_user(
        person_create(username="nobody", workspace=elsewhere, roles=["operator"])
    )

    with pytest.raises(Forbidden):
        bulk_propose(principal=vera, action="pause", filter={"state": "open"})
    with pytest.raises(NotFound):
        bulk_propose(principal=nobody, action="pause", filter={"state": "open"})

    assert not BulkOperation.objects.exists()


def test_a_person_who_lost_the_right_meanwhile_does_nothing_more():
    version, runs = waits(1)
    mira = who(version)
    operation = begin(mira, "pause", ids=[runs[0].pk])
    mira.user.memberships.update(roles=["viewer"])

    finish(operation)

    assert operation.items.get().problem["code"] == "scope_missing"
    assert Run.objects.get(pk=runs[0].pk).state != "paused"


def test_a_filter_without_fields_means_no_runs_at_all():
    version, _ = waits(1)
    mira = who(version)

    for wrong in ({"filter": {}}, {}, {"ids": [uuid4()], "filter": {"state": "open"}}):
        with pytest.raises(Invalid):
            bulk_propose(principal=mira, action="pause", **wrong)
    with pytest.raises(Invalid, match="no run is lost"):
        bulk_propose(principal=mira, action="pause", filter={"state": "lost"})


def test_two_processes_share_one_operation():
    version, runs = waits(12)
    mira = who(version)
    operation = begin(mira, "pause", ids=[run.pk for run in runs])

    def work():
        bulk_work(seconds=20)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    operation.refresh_from_db()
    assert operation.state == "done"
    assert RunEvent.objects.filter(type="run.paused").count() == 12
    assert AppEvent.objects.filter(type="runs.bulk_ended").count() == 1
