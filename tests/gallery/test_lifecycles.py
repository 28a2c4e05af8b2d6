"""The order and the loan application: every path from the first state to each terminal one."""

import pytest
from django.db import connection
from django.db.models.functions import Now

from approvals_app.models import ApprovalRequest
from tests.engine_harness import until
from tests.gallery.running import (
    acts_of,
    answer,
    end,
    example,
    pending,
    product_running,
    start,
)
from workflows_app.errors import IllegalState
from workflows_app.models import RunEvent, StepRun, Timer
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.triggers import trigger_fire

pytestmark = pytest.mark.django_db(transaction=True)


class Case:
    """A run of a state machine, and what a person does to it."""

    def __init__(self, run, path):
        self.run = run
        self.path = path

    def states(self):
        found = RunEvent.objects.filter(run=self.run, type="state.changed", path=self.path)
        found = found.order_by("sequence")
        return [event.to_state for event in found]

    def reaches(self, state, visits=1):
        until(lambda: self.states()[-1:] == [state] and self.states().count(state) == visits, 30)
        connection.close()

    def fire(self, trigger):
        trigger_fire(
            run_id=self.run.pk, path=self.path, trigger=trigger, data=None, actor="user:owner"
        )

    def tell(self, type):
        """Send the event that this run waits for."""
        given = self.run.input
        event = Incoming(
            id=type,
            source="/tests",
            type=type,
            subject=given.get("order") or given.get("applicant"),
        )
        event_receive(workspace=self.run.workspace_id, event=event, actor="user:owner", via="test")

    def waits_at(self, path):
        until(lambda: StepRun.objects.filter(run=self.run, path=path, state="waiting").exists(), 30)
        connection.close()

    def hurry(self, name):
        """Let the time of a timer come."""
        timers = Timer.objects.filter(run=self.run, name__startswith=name)
        until(lambda: timers.update(due_at=Now()) == 1, 30)
        connection.close()

    def allowed(self, trigger):
        with pytest.raises(IllegalState) as refused:
            self.fire(trigger)
        return refused.value.extra["allowed"]

    def ended(self):
        return end(self.run)


def order(gallery, number=0):
    return Case(start(gallery("order-lifecycle"), example("order-lifecycle", number)), "order")


def loan(gallery, number=0):
    return Case(start(gallery("loan-application"), example("loan-application", number)), "loan")


PAID = ["created", "validated", "payment_pending", "paid", "processing"]


@pytest.mark.parametrize(("trigger", "last"), [("deliver", "delivered"), ("refund", "refunded")])
def test_a_shipped_order_is_delivered_or_given_back(gallery, trigger, last):
    with product_running():
        case = order(gallery)
        case.reaches("shipped")
        assert case.allowed("cancel") == ["deliver", "refund"]
        case.fire(trigger)
        run = case.ended()

    assert case.states() == [*PAID, "shipped", last]
    assert run.output["state"] == last
    assert acts_of("payments.void").count() == (last == "refunded")


def test_an_order_that_nobody_takes_in_a_month_is_refunded(gallery):
    with product_running():
        case = order(gallery)
        case.reaches("shipped")
        case.hurry("state:")
        case.ended()

    assert case.states() == [*PAID, "shipped", "refunded"]
    last = RunEvent.objects.filter(run=case.run, type="state.changed").latest("sequence")
    assert (last.trigger, last.actor, last.why) == ("refund", "engine", "the state timed out")


def test_an_order_without_an_address_for_parcels_is_refunded(gallery):
    with product_running():
        case = order(gallery, 2)
        case.ended()

    assert case.states() == [*PAID, "refunded"]
    assert acts_of("payments.void").count() == 1


def test_an_order_that_is_not_valid_is_cancelled_and_reserves_nothing(gallery):
    with product_running():
        case = order(gallery, 3)
        run = case.ended()

    assert case.states() == ["created", "cancelled"]
    assert run.state == "succeeded"
    assert not acts_of("inventory.reserve").exists()


def test_an_order_for_goods_that_are_sold_out_is_cancelled(gallery):
    with product_running():
        case = order(gallery, 4)
        run = case.ended()

    assert case.states() == ["created", "validated", "cancelled"]
    assert run.state == "succeeded"
    assert not acts_of("inventory.release").exists()


def test_an_order_whose_payment_failed_can_be_cancelled_by_a_person(gallery):
    with product_running():
        case = order(gallery, 1)
        case.reaches("payment_failed")
        case.fire("cancel")
        case.ended()

    assert case.states() == [
        "created",
        "validated",
        "payment_pending",
        "payment_failed",
        "cancelled",
    ]
    assert acts_of("inventory.release").count() == 1


def test_a_declined_order_is_tried_three_times(gallery):
    with product_running():
        case = order(gallery, 1)
        case.ended()

    tries = ["payment_pending", "payment_failed"] * 3
    assert case.states() == ["created", "validated", *tries, "cancelled"]


def pending_order(gallery):
    """Start an order whose card is settled later, and see it wait for that."""
    case = order(gallery, 5)
    case.reaches("payment_pending")
    case.waits_at("order.payment_pending[0].settled")
    return case


PENDING = ["created", "validated", "payment_pending"]


@pytest.mark.parametrize("how", ["event", "trigger"])
def test_a_payment_that_is_settled_later_goes_on_by_an_event_or_a_trigger(gallery, how):
    with product_running():
        case = pending_order(gallery)
        if how == "event":
            case.tell("payment.settled")
        else:
            case.fire("payment_received")
        case.waits_at("order.paid[0].second_thoughts")
        case.hurry("wait")
        case.reaches("shipped")
        case.fire("deliver")
        case.ended()

    assert case.states() == [*PAID, "shipped", "delivered"]
    assert not acts_of("payments.void").exists()


def test_a_payment_that_is_never_settled_is_tried_again_after_an_hour(gallery):
    with product_running():
        case = pending_order(gallery)
        case.hurry("state:")
        case.reaches("payment_pending", 2)
        case.fire("payment_failed")
        case.reaches("payment_pending", 3)
        case.fire("payment_failed")
        case.ended()

    changes = RunEvent.objects.filter(run=case.run, type="state.changed")
    timed_out = changes.filter(to_state="payment_failed").earliest("sequence")
    assert (timed_out.trigger, timed_out.why) == ("payment_failed", "the state timed out")
    tries = ["payment_pending", "payment_failed"] * 3
    assert case.states() == ["created", "validated", *tries, "cancelled"]


def test_an_order_is_cancelled_while_its_payment_is_pending(gallery):
    with product_running():
        case = pending_order(gallery)
        assert case.allowed("deliver") == ["cancel", "payment_received", "payment_failed"]
        case.fire("cancel")
        run = case.ended()

    assert case.states() == [*PENDING, "cancelled"]
    assert (
        StepRun.objects.get(run=run, path="order.payment_pending[0].settled").state == "cancelled"
    )
    assert acts_of("inventory.release").count() == 1


def test_a_large_order_is_refunded_before_anything_is_sent(gallery):
    with product_running():
        case = pending_order(gallery)
        case.tell("payment.settled")
        case.waits_at("order.paid[0].second_thoughts")
        case.fire("refund")
        case.ended()

    assert case.states() == [*PENDING, "paid", "refunded"]
    assert acts_of("payments.void").count() == 1
    assert not acts_of("shipping.book").exists()


@pytest.mark.parametrize(
    ("decision", "path"), [("approve", ["approved", "funded"]), ("reject", ["rejected"])]
)
def test_a_loan_officer_says_yes_or_no(gallery, decision, path):
    with product_running():
        case = loan(gallery)
        case.reaches("under_review")
        until(lambda: pending(case.run), 30)
        answer(pending(case.run)[0], decision)
        case.ended()

    assert case.states() == ["submitted", "under_review", *path]
    assert acts_of("loans.pay_out").count() == (decision == "approve")


def test_an_applicant_is_asked_for_more_at_most_three_times(gallery):
    with product_running():
        case = loan(gallery)
        for visit in (1, 2, 3):
            case.reaches("under_review", visit)
            until(lambda: len(pending(case.run)) == 1, 30)
            case.fire("ask_information")
            assert pending(case.run) == []
            assert case.allowed("approve") == ["information_given", "withdraw"]
            case.fire("information_given")
        case.reaches("under_review", 4)
        with pytest.raises(IllegalState):
            case.fire("ask_information")
        until(lambda: len(pending(case.run)) == 1, 30)
        answer(pending(case.run)[0])
        case.ended()

    asked = ["under_review", "more_information_needed"] * 3
    assert case.states() == ["submitted", *asked, "under_review", "approved", "funded"]


@pytest.mark.parametrize("is_asked", [True, False])
def test_an_applicant_withdraws(gallery, is_asked):
    with product_running():
        case = loan(gallery)
        case.reaches("under_review")
        if is_asked:
            case.fire("ask_information")
        case.fire("withdraw")
        run = case.ended()

    between = ["more_information_needed"] if is_asked else []
    assert case.states() == ["submitted", "under_review", *between, "withdrawn"]
    assert pending(run) == []


def test_an_applicant_who_does_not_answer_is_withdrawn(gallery):
    with product_running():
        case = loan(gallery)
        case.reaches("under_review")
        case.fire("ask_information")
        case.hurry("state:")
        case.ended()

    assert case.states()[-2:] == ["more_information_needed", "withdrawn"]


@pytest.mark.parametrize(
    ("number", "path"),
    [
        (2, ["approved", "funding_error", "approved", "funded"]),
        (3, [*["approved", "funding_error"] * 3, "rejected"]),
    ],
)
def test_a_failed_payout_is_tried_again_at_most_three_times(gallery, number, path):
    with product_running():
        case = loan(gallery, number)
        case.reaches("under_review")
        until(lambda: pending(case.run), 30)
        answer(pending(case.run)[0])
        for visit in range(path.count("funding_error")):
            case.reaches("funding_error", visit + 1)
            case.hurry("wait")
        case.ended()

    assert case.states() == ["submitted", "under_review", *path]


def test_a_loan_that_no_officer_answers_in_time_is_rejected(gallery):
    with product_running():
        case = loan(gallery)
        case.reaches("under_review")
        until(lambda: pending(case.run), 30)
        ApprovalRequest.objects.filter(run_id=case.run.pk).update(
            deadline_at=Now(), next_due_at=Now()
        )
        run = case.ended()

    assert case.states() == ["submitted", "under_review", "rejected"]
    assert ApprovalRequest.objects.get(run_id=run.pk).state == "expired"
    assert not acts_of("loans.pay_out").exists()


def test_an_applicant_who_is_no_customer_is_rejected_at_once(gallery):
    with product_running():
        case = loan(gallery, 5)
        case.ended()

    assert case.states() == ["submitted", "rejected"]


@pytest.mark.parametrize(
    ("what", "path"),
    [
        ("it comes", ["under_review", "approved", "funded"]),
        ("it never comes", ["rejected"]),
        ("the applicant withdraws", ["withdrawn"]),
    ],
)
def test_a_credit_file_that_is_missing_is_waited_for(gallery, what, path):
    with product_running():
        case = loan(gallery, 4)
        case.reaches("submitted")
        case.waits_at("loan.submitted[0].file")
        match what:
            case "it comes":
                case.tell("credit.file")
                until(lambda: pending(case.run), 30)
                answer(pending(case.run)[0])
            case "it never comes":
                case.hurry("wait")
            case _:
                case.fire("withdraw")
        case.ended()

    assert case.states() == ["submitted", *path]
