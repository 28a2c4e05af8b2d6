"""The gallery's workflows run: rehearsed without a model key, and live where none is needed."""

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
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.errors import DomainError
from workflows_app.gallery.catalog import samples
from workflows_app.gallery.models import SampleEffect
from workflows_app.models import Run
from workflows_app.services.control import run_rollback

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("slug", [sample.slug for sample in samples()])
def test_a_rehearsal_needs_no_key_and_comes_to_rest(gallery, slug):
    workflow = gallery(slug)

    with product_running():
        run = rest(start(workflow, example(slug), mode="rehearsal"))

    assert (run.state, run.error) in [("succeeded", None), ("waiting", None)]
    assert not SampleEffect.objects.exists()


def test_nothing_is_sent_before_a_person_has_said_yes(gallery):
    workflow = gallery("first-approval")

    with product_running():
        run = rest(start(workflow, example("first-approval")))
        [request] = pending(run)
        assert not SampleEffect.objects.exists()
        edited = {**request.action["arguments"], "subject": "Corrected"}
        answer(request, arguments=edited)
        end(run)

    assert run.state == "succeeded"
    assert acts_of("mail.send").get().arguments["subject"] == "Corrected"


def test_who_started_the_run_may_not_answer_its_gate(gallery):
    workflow = gallery("first-approval")

    with product_running():
        run = rest(start(workflow, example("first-approval")))
        with pytest.raises(DomainError) as refused:
            answer(pending(run)[0], by="owner")

    assert refused.value.status == 403
    assert not SampleEffect.objects.exists()


def test_a_refused_letter_is_kept_back_with_the_reason(gallery):
    workflow = gallery("first-approval")

    with product_running():
        run = rest(start(workflow, example("first-approval")))
        answer(pending(run)[0], "reject", reason="not our tone")
        end(run)

    assert run.state == "succeeded"
    assert run.output["kept_back"]["reason"] == "not our tone"
    assert not SampleEffect.objects.exists()


def test_a_missing_optional_source_degrades_the_run(gallery):
    workflow = gallery("customer-profile")

    with product_running():
        run = rest(start(workflow, example("customer-profile")))

    assert run.state == "succeeded"
    assert [lost["path"] for lost in run.degraded] == ["loyalty"]
    assert run.output["is_complete"] is False
    assert run.output["profile"]["loyalty"] is None


def test_a_fallback_names_its_source(gallery):
    workflow = gallery("fallback-chain")

    with product_running():
        last = rest(start(workflow, example("fallback-chain")))
        first = rest(start(workflow, example("fallback-chain", 1)))

    assert (last.output["source"], last.output["amount"]) == ("table", 17_760)
    assert first.output["source"] == "market"


def test_a_quorum_ignores_the_supplier_that_fails(gallery):
    workflow = gallery("supplier-quotes")

    with product_running():
        run = rest(start(workflow, example("supplier-quotes")))

    assert run.output["best"]["supplier"] == "south"
    assert states(run)["east"] in ("failed", "cancelled")  # the other three may be quicker


def test_a_quorum_that_nobody_meets_is_an_error(gallery):
    workflow = gallery("supplier-quotes")

    with product_running():
        run = rest(start(workflow, example("supplier-quotes", 1)))

    assert (run.state, run.error["code"]) == ("failed", "all_failed")


def test_what_was_done_is_undone_in_reverse_order(gallery):
    workflow = gallery("order-saga")

    with product_running():
        run = rest(start(workflow, example("order-saga", 1)))

    assert run.state == "compensated"
    assert [word.split()[1] for word in events(run, "step.undone")] == ["charge", "reserve"]
    assert acts_of("payments.void").count() == acts_of("inventory.release").count() == 1


def test_an_undo_that_fails_waits_for_a_person(gallery):
    workflow = gallery("order-saga")

    with product_running():
        run = start(workflow, example("order-saga", 2))
        until(lambda: states(run).get("reserve.undo") == "waiting", seconds=30)
        connection.close()

    assert Run.objects.get(pk=run.pk).state == "compensating"


def test_a_finished_order_can_be_rolled_back(gallery):
    workflow = gallery("order-saga")

    with product_running():
        run = rest(start(workflow, example("order-saga")))
        assert run.state == "succeeded"
        run_rollback(run_id=run.pk, actor="user:owner", reason="called off")
        end(run)

    assert run.state == "compensated"
    assert acts_of("shipping.cancel").count() == 1


def test_each_payout_is_asked_alone_and_a_refused_one_stops_no_other(gallery):
    workflow = gallery("payout-batch")

    with product_running():
        run = rest(start(workflow, example("payout-batch")))
        first, second, third = pending(run)
        assert [r.path for r in (first, second, third)] == [f"pay[{n}].one" for n in (1, 2, 3)]
        answer(first)
        answer(second, "reject", reason="unknown account")
        answer(third)
        end(run)

    assert run.state == "succeeded"
    assert [item["state"] for item in run.output["paid"]] == ["paid", "paid", "not paid", "paid"]
    assert acts_of("payments.pay_out").count() == 3


def test_a_rejected_correction_is_taken_back(gallery):
    workflow = gallery("review-after-action")

    with product_running():
        run = rest(start(workflow, example("review-after-action")))
        assert acts_of("crm.update").count() == 1
        answer(pending(run)[0], "reject", reason="a typing error")
        end(run)

    assert run.output["taken_back"]["reason"] == "a typing error"
    assert acts_of("crm.restore").count() == 1


def test_a_letter_waits_for_the_review_of_what_it_tells(gallery):
    workflow = gallery("provisional-review")

    with product_running():
        run = rest(start(workflow, example("provisional-review")))
        assert acts_of("inventory.reserve").count() == 1
        assert not acts_of("mail.send").exists()
        answer(pending(run)[0])
        end(run)

    assert run.state == "succeeded"
    assert acts_of("mail.send").count() == 1


def test_a_large_refund_asks_and_the_rest_of_the_money_stays(gallery):
    workflow = gallery("refund")

    with product_running():
        run = rest(start(workflow, example("refund"), mode="rehearsal"))

    [request] = pending(run)
    assert request.path == "issue"
    assert request.action["arguments"]["amount"] == 740


def test_forty_messages_are_one_run_with_its_accuracy(gallery):
    workflow = gallery("message-triage")
    text = "My card was eaten by the cash machine, message number {}."
    rows = [{"text": text.format(n), "category": "card_swallowed"} for n in range(40)]

    with product_running():
        run = rest(start(workflow, {"messages": rows}, mode="rehearsal"))
        answer(pending(run)[0], by="owner")
        end(run)

    assert run.state == "succeeded"
    assert run.output["counts"]["messages"] == run.output["accuracy"]["checked"] == 40
    assert sum(group["count"] for group in run.output["groups"]) == 40
    assert run.output["status"] == "released"


def test_a_single_message_ends_with_its_label_and_asks_nobody(gallery):
    workflow = gallery("message-triage")

    with product_running():
        run = rest(start(workflow, example("message-triage", 1), mode="rehearsal"))

    assert run.state == "succeeded"
    assert run.output["counts"]["messages"] == run.output["accuracy"]["checked"] == 1
    assert run.output["label"] is not None


def test_every_run_has_an_end_that_the_page_can_show(gallery):
    workflow = gallery("claim-decision")

    with product_running():
        runs = [rest(start(workflow, example("claim-decision", n))) for n in range(3)]
        answer(pending(runs[1])[0], output={"amount": 4000})
        end(runs[1])

    assert [run.state in RUN_TERMINAL for run in runs] == [True, True, True]
    assert [run.output["answer"][0]["answer"] for run in runs] == ["pay", "pay", "refuse"]
    assert runs[1].output["answer"][0]["amount"] == 4000


def test_a_declined_order_is_cancelled_after_three_tries_and_its_goods_are_free_again(gallery):
    workflow = gallery("order-lifecycle")

    with product_running():
        run = end(start(workflow, example("order-lifecycle", 1)))

    assert run.output["state"] == "cancelled"
    assert run.output["visits"]["payment_pending"] == 3
    assert acts_of("inventory.release").count() == acts_of("inventory.reserve").count() == 1
