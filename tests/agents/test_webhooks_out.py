"""Webhooks leave by the guarded client: signed, to allowed addresses only."""

import pytest
from standardwebhooks.webhooks import Webhook

from tests.agents.http_server import ToolServer
from tests.engine_harness import until
from workflows_app.models import Delivery
from workflows_app.services.deliveries import deliveries
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default
from workflows_app.services.subscriptions import subscription_put
from workflows_app.services.sweep import sweep_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server():
    with ToolServer() as running:
        yield running


def subscribe(server):
    made = subscription_put(
        workspace=workspace_default(),
        name="sink",
        event="order.*",
        url=f"{server.url}/in",
        actor="operator",
    )
    event = Incoming(id="1", source="/shop", type="order.created", data={"n": 1})
    event_receive(workspace=workspace_default(), event=event, actor="operator", via="api")
    return made[1]


def test_the_sweep_sends_what_is_due(server, settings):
    settings.EGRESS_ALLOW = [f"127.0.0.1:{server.port}"]
    secret = subscribe(server)

    assert sweep_once()["deliveries"] == 1
    until(lambda: Delivery.objects.get().state == "delivered")

    [seen] = server.seen
    assert (seen.method, seen.path) == ("POST", "/in")
    assert Webhook(secret).verify(seen.body, seen.headers)["data"] == {"n": 1}


def test_a_private_address_gets_nothing(server):
    subscribe(server)

    deliveries.sweep(None)
    until(lambda: Delivery.objects.get().error != "")

    assert "EGRESS_ALLOW" in Delivery.objects.get().error
    assert server.seen == []
