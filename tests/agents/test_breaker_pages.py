"""Breakers as people and programs see them, and many workers that fail at once."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from tests.api.callers import assert_problem
from tests.api.conftest import api, elsewhere, owner, stranger, viewer, workspace  # noqa: F401
from workflows_app.agents.core.breakers import BreakerRule
from workflows_app.agents.models import Breaker
from workflows_app.agents.services.breakers import breaker_fail
from workflows_app.models import AppEvent

pytestmark = pytest.mark.django_db(transaction=True)
NAME = "tool:payments.refund"


@pytest.fixture
def opened(workspace):  # noqa: F811
    return Breaker.objects.create(workspace=workspace, name=NAME, failures=5, opened_at=Now())


def test_breakers_are_listed_and_closed_by_hand_with_a_reason(api, viewer, opened):  # noqa: F811
    Breaker.objects.create(workspace=opened.workspace, name="model:small", failures=2)

    listed = viewer.get("breakers").json()["items"]
    refused = viewer.post(f"breakers/{NAME}/close", {})
    closed = api.post(f"breakers/{NAME}/close", {"reason": "they mended it"})

    assert [(one["name"], one["state"], one["failures"]) for one in listed] == [
        (NAME, "open", 5),
        ("model:small", "closed", 2),
    ]
    assert_problem(refused, 403)
    assert closed.status_code == 204
    event = AppEvent.objects.get(type="breaker.closed")
    assert (event.object, event.actor, event.why) == (NAME, "user:owner", "they mended it")
    assert api.get("breakers").json()["items"][0]["state"] == "closed"


def test_after_its_time_it_is_half_open(api, opened):  # noqa: F811
    Breaker.objects.update(opened_at=Now() - timedelta(seconds=61))

    assert api.get("breakers").json()["items"][0]["state"] == "half_open"


def test_other_workspaces_know_nothing_of_it(stranger, opened):  # noqa: F811
    assert stranger.get("breakers").json()["items"] == []
    assert_problem(stranger.post(f"breakers/{NAME}/close", {}), 404)
    opened.refresh_from_db()
    assert opened.opened_at is not None


def test_the_page_shows_them_and_closes_one(client, owner, viewer, opened):  # noqa: F811
    client.force_login(owner)
    shown = client.get("/guardrails/breakers/").content.decode()

    form = {"workspace": opened.workspace.slug, "name": NAME, "reason": "tried it"}
    client.post("/guardrails/breakers/close/", form)

    opened.refresh_from_db()
    assert "payments.refund" in shown
    assert (opened.failures, opened.opened_at) == (0, None)
    assert AppEvent.objects.get(type="breaker.closed").why == "tried it"


def test_failures_of_many_workers_count_together_and_open_it_once(workspace):  # noqa: F811
    begin = threading.Barrier(8)

    def work():
        begin.wait(10)
        for _ in range(2):
            breaker_fail(workspace_id=workspace.pk, name=NAME, rule=BreakerRule(failures=10))
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = Breaker.objects.get(workspace=workspace, name=NAME)
    assert found.failures == 16
    assert found.opened_at is not None
    assert AppEvent.objects.filter(type="breaker.opened", object=NAME).count() == 1
