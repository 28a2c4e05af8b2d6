"""The gallery's order events: an event starts the run, which publishes and waits for payment."""

import pytest

from tests.engine_harness import states
from tests.gallery.running import end, product_running, rest
from workflows_app.models import Event, Run
from workflows_app.services.events import Incoming, event_receive

pytestmark = pytest.mark.django_db(transaction=True)


def send(workflow, id, type, data, subject=None):
    event = Incoming(id=id, source="/shop", type=type, subject=subject, data=data)
    return event_receive(workspace=workflow.workspace, event=event, actor="user:owner", via="api")


def test_an_order_is_validated_and_paid_by_events_alone(gallery):
    workflow = gallery("order-events")
    order = {"order": "O-5005", "amount": 150, "items": 2}

    with product_running():
        started = send(workflow, "1", "order.created", order).started
        run = rest(Run.objects.get(pk=started[0]))
        assert states(run)["payment"] == "waiting"
        assert send(workflow, "2", "payment.made", {"amount": 10}, "O-5005").resumed == []
        assert send(workflow, "3", "payment.made", {"amount": 150}, "O-9999").resumed == []
        paid = send(workflow, "4", "payment.made", {"amount": 150}, "O-5005")
        run = end(run)

    assert paid.resumed == [{"run": run.pk, "path": "payment"}]
    assert (run.state, run.output["is_valid"]) == ("succeeded", True)
    assert run.output["payment"]["id"] == "4"
    published = Event.objects.filter(source=f"/runs/{run.pk}").order_by("id")
    assert [one.type for one in published] == ["order.validated", "order.paid"]


def test_an_order_that_is_not_valid_says_so(gallery):
    workflow = gallery("order-events")

    with product_running():
        order = {"order": "O-5006", "amount": 150, "items": 0}
        run = end(Run.objects.get(pk=send(workflow, "1", "order.created", order).started[0]))

    assert run.output == {"is_valid": False, "payment": None}
    assert Event.objects.get(source=f"/runs/{run.pk}").type == "order.validation_failed"
