"""Joins, loops, timers, wildcard triggers and steering: the samples run to their ends."""

import pytest
from django.db import connection

from tests.engine_harness import events, states, until
from tests.gallery.running import (
    acts_of,
    answer,
    end,
    example,
    pending,
    product_running,
    rest,
    start,
)
from workflows_app.errors import IllegalState
from workflows_app.models import Event, Run, RunEvent, StepRun
from workflows_app.services import control, rerun
from workflows_app.services.events import Incoming, event_receive

pytestmark = pytest.mark.django_db(transaction=True)


def ran(gallery, slug, number):
    workflow = gallery(slug)
    with product_running():
        return rest(start(workflow, example(slug, number)))


def test_best_effort_goes_on_and_names_what_is_missing(gallery):
    run = ran(gallery, "join-strategies", 0)

    assert run.state == "succeeded"
    suppliers = [one and one["supplier"] for one in run.output["quotes"]]
    assert suppliers == ["north", "south", None]
    assert [lost["path"] for lost in run.degraded] == ["best_effort.east"]


def test_two_answers_are_a_quorum_and_a_failure_does_not_count(gallery):
    run = ran(gallery, "join-strategies", 1)

    assert run.state == "succeeded"
    assert {one["supplier"] for one in run.output["quotes"]} == {"north", "south"}
    assert states(run)["quorum.east"] == "failed"


def test_the_first_answer_wins(gallery):
    run = ran(gallery, "join-strategies", 2)

    assert run.state == "succeeded"
    [winner] = run.output["quotes"]
    done = [word.split()[1:] for word in events(run, "step.ended")]
    won = [f"first.{winner['supplier']}", "succeeded"]
    first = next(one for one in done if one[0].startswith("first.") and one[1] == "succeeded")
    assert first == won


def test_fail_fast_stops_with_the_first_failure(gallery):
    run = ran(gallery, "join-strategies", 3)

    assert (run.state, run.error["code"]) == ("failed", "no_quote")
    assert run.error["path"] == "fail_fast.east"


@pytest.mark.parametrize(("number", "code"), [(4, "quorum_missed"), (5, "all_failed")])
def test_a_quorum_out_of_reach_and_nothing_but_failures_are_errors_of_their_own(
    gallery, number, code
):
    run = ran(gallery, "join-strategies", number)

    assert (run.state, run.error["code"]) == ("failed", code)


@pytest.mark.parametrize(
    ("number", "rounds", "result"),
    [
        (0, 3, {"iterations": 2, "last": "Dear Jo, the debt of 500 is settled."}),
        (1, 12, {"instalment": 160, "rounds": 4}),
        (2, 12, {"instalment": None, "rounds": None}),
    ],
)
def test_three_loops_and_their_ways_out(gallery, number, rounds, result):
    run = ran(gallery, "instalments", number)

    assert run.state == "succeeded"
    assert run.output["rounds"] == rounds
    if number == 2:
        assert run.output["result"]["instalment"] is None
        assert StepRun.objects.get(run=run, path="propose").port == "too_much"
    else:
        assert run.output["result"] == result
    paid = StepRun.objects.filter(run=run, path__startswith="pay_back[").count()
    assert paid == rounds


def test_a_time_that_has_passed_is_no_wait(gallery):
    run = ran(gallery, "appointment", 0)

    assert run.state == "succeeded"
    ended = [word.split()[1] for word in events(run, "step.ended")]
    assert ended == ["day_before", "remind", "until_then", "a_while", "ask"]
    types = Event.objects.filter(source=f"/runs/{run.pk}").order_by("id")
    assert [one.type for one in types] == ["appointment.reminder", "appointment.over"]


def test_a_time_to_come_is_waited_for_and_can_be_called_off(gallery):
    workflow = gallery("appointment")
    with product_running():
        run = start(workflow, example("appointment", 1))
        until(lambda: states(run).get("day_before") == "waiting")
        waiting = RunEvent.objects.get(run=run, type="step.waiting").data
        control.run_cancel(run_id=run.pk, actor="user:owner", reason="called off")
        end(run)

    assert waiting["until"] == "2036-01-04T07:00:00+00:00"  # 09:00 in the zone of the appointment
    assert run.state == "cancelled"


def send(workflow, number, type, subject):
    event = Incoming(id=number, source="/carrier", type=type, subject=subject, data=None)
    return event_receive(workspace=workflow.workspace, event=event, actor="user:owner", via="api")


def test_any_parcel_event_starts_a_run_that_publishes_the_next(gallery):
    workflow = gallery("parcel-events")
    with product_running():
        started = [
            send(workflow, str(number), name, subject).started
            for number, (name, subject) in enumerate(
                [
                    ("parcel.lost", "O-5001"),
                    ("parcel.delivered", "O-5002"),
                    ("parcel.weighed", "O-5003"),
                    ("parcel.lost", None),
                    ("letter.lost", "O-5004"),
                ]
            )
        ]
        again = send(workflow, "0", "parcel.lost", "O-5001")
        runs = [end(Run.objects.get(pk=one[0])) for one in started[:3]]

    assert [len(one) for one in started] == [1, 1, 1, 0, 0]
    assert (again.duplicate, again.started) == (True, [])
    assert [run.input["what"] for run in runs] == [
        "parcel.lost",
        "parcel.delivered",
        "parcel.weighed",
    ]
    published = Event.objects.filter(source__startswith="/runs/").order_by("subject")
    assert [(one.type, one.subject) for one in published] == [
        ("claim.opened", "O-5001"),
        ("order.closed", "O-5002"),
    ]
    assert runs[2].output == {"answer": "nothing to do"}


class TestSteering:
    """`month-close`: what people do with a run."""

    def failed(self, gallery):
        run = rest(start(gallery("month-close"), example("month-close", 1)))
        assert (run.state, run.error["path"]) == ("failed", "read")
        return run

    def test_a_step_is_retried_with_another_input_and_what_was_done_stays(self, gallery):
        corrected = {
            "tool": "figures.read",
            "arguments": {"name": "sales", "quarter": "2026-Q1"},
        }
        with product_running():
            run = self.failed(gallery)
            rerun.run_retry(
                run_id=run.pk, actor="user:owner", reason="typo", path="read", input=corrected
            )
            rest(run)
            answer(pending(run)[0])
            end(run)

        assert run.state == "succeeded"
        rows = StepRun.objects.filter(run=run, is_current=True)
        assert dict(rows.values_list("path", "generation")) == {
            "open": 0,
            "read": 1,
            "file": 0,
            "look": 0,
            "closed": 0,
            "left_open": 0,
        }
        assert acts_of("documents.file").count() == 2
        assert RunEvent.objects.get(run=run, type="run.reopened").actor == "user:owner"

    def test_a_step_is_skipped_with_what_a_person_gives(self, gallery):
        with product_running():
            run = self.failed(gallery)
            rerun.run_skip(run_id=run.pk, actor="user:owner", path="read", output={"value": 12})
            rest(run)

        contents = [act.arguments["content"] for act in acts_of("documents.file")]
        assert {"value": 12} in contents
        assert states(run)["read"] == "skipped"

    def test_an_answer_to_a_paused_run_is_kept(self, gallery):
        with product_running():
            run = rest(start(gallery("month-close"), example("month-close")))
            control.run_pause(run_id=run.pk, actor="user:owner", reason="stop")
            answer(pending(run)[0])
            until(lambda: states(run)["look"] == "succeeded")
            assert Run.objects.get(pk=run.pk).state == "paused"
            assert states(run)["closed"] == "ready"
            control.run_resume(run_id=run.pk, actor="user:owner", reason="go on")
            end(run)

        assert run.state == "succeeded"
        assert len(events(run, "run.paused")) == len(events(run, "run.resumed")) == 1

    def test_a_cancelled_run_takes_back_what_it_did_newest_first(self, gallery):
        with product_running():
            run = rest(start(gallery("month-close"), example("month-close")))
            control.run_cancel(
                run_id=run.pk, actor="user:owner", reason="called off", rollback=True
            )
            end(run)
            connection.close()

        assert run.state == "compensated"
        assert [word.split()[1] for word in events(run, "step.undone")] == ["file", "open"]
        assert acts_of("documents.remove").count() == 2

    def test_what_the_state_forbids_is_refused_with_what_it_allows(self, gallery):
        with product_running():
            run = rest(start(gallery("month-close"), example("month-close")))
            with pytest.raises(IllegalState) as refused:
                control.run_resume(run_id=run.pk, actor="user:owner")

        assert "pause" in refused.value.extra["allowed"]
        assert "resume" not in refused.value.extra["allowed"]
