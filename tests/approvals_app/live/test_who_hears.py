"""Of a change of a request hear those whom it concerns, and nobody else."""

import json
from datetime import timedelta

import psycopg
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection, connections
from django.utils import timezone

from approvals_app import live
from approvals_app.live import RequestReader
from approvals_app.selectors.queue import queue_list
from approvals_app.services.cover import cover_create
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from tests.approvals_app import factories
from tests.browser.conftest import database_address
from tests.live.conftest import listening  # noqa: F401 a fixture
from tests.live.test_consumer import SOON, connect
from workflows_app.live.relay import SPREAD_EACH, relay_of_process
from workflows_app.models import Member, User

pytestmark = pytest.mark.django_db(transaction=True)


@async_to_sync
async def read(*requests, reader=None):
    """What one look at the runs of these requests finds, with the names of people."""
    reader = reader or RequestReader()
    async with await psycopg.AsyncConnection.connect(database_address(), autocommit=True) as one:
        return await reader(one, {request.run_id for request in requests})


def heard_by(news):
    names = dict(User.objects.values_list("pk", "username"))
    return [(change.frame[:2], {names[pk] for pk in change.people}) for change in news.changes]


def test_a_new_request_is_heard_by_those_who_may_answer(people):
    request = factories.request_for()

    found = heard_by(read(request))

    assert found == [((request.reference, "pending"), {"anna", "ben"})]


def test_its_end_is_heard_by_whoever_asked_as_well(people):
    request = factories.request_for()
    approval_decide(
        approval_id=request.pk,
        actor=people["ben"],
        via="token",
        decision="approve",
        digest=request.digest,
    )

    found = heard_by(read(request))

    assert found == [((request.reference, "approved"), {"anna", "ben", "olga"})]


def test_nothing_is_heard_twice(people):
    request, reader = factories.request_for(), RequestReader()
    read(request, reader=reader)

    assert read(request, reader=reader).changes == []


def test_whoever_has_the_item_in_their_queue_hears_of_it(people):
    now = timezone.now()
    factories.person("dora")
    cover_create(
        actor=people["anna"],
        workspace=factories.workspace(),
        delegate="dora",
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
    )
    request = factories.request_for()
    approval_delegate(approval_id=request.pk, actor=people["ben"], to="user:mallory")
    Member.objects.filter(user=factories.person("left", groups=["approvers"])).update(
        is_active=False
    )

    (_, heard) = heard_by(read(request))[0]

    everybody = User.objects.all()
    queued = {
        one.username for one in everybody if queue_list(user=one, view="mine", now=timezone.now())
    }
    assert heard >= queued == {"anna", "ben", "dora", "mallory"}
    assert not heard & {"left", "olga"}


def test_too_much_at_once_says_so(people, monkeypatch):
    monkeypatch.setattr(live, "EVENTS_MOST", 2)
    requests = [factories.request_for() for _ in range(3)]

    assert read(*requests).is_cut


@pytest.mark.asyncio
async def test_a_frame_names_the_request_and_reaches_only_who_is_asked(people, listening):  # noqa: F811
    everybody = [await connect(people[name], "topics=inbox") for name in ("anna", "ben", "mallory")]
    for socket in everybody:
        await socket.receive_json_from(SOON)
    await relay_of_process().listening()

    request = await sync_to_async(factories.request_for)()
    await sync_to_async(_notify)(request)
    frames = [await socket.receive_json_from(SOON) for socket in everybody[:2]]

    for frame in frames:
        assert [step[:2] for step in frame["steps"]] == [[request.reference, "pending"]]
        assert frame["spread"] == SPREAD_EACH
    assert await everybody[2].receive_nothing(0.5)
    for socket in everybody:
        await socket.disconnect()
    await sync_to_async(connections.close_all)()


def _notify(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('countersign', %s)", [json.dumps([str(request.run_id)])])
