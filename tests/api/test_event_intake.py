"""The quick way in for events: what arrives together shares a commit, the rest is passed on."""

import asyncio
import json

import httpx
import pytest
from django.core.asgi import get_asgi_application
from django.db import OperationalError, connections

from project import intake
from project.intake import EventIntake
from tests.api.callers import DOUBLE, publish
from tests.engine_harness import at_rest, run_make, until, version_make, worker_running
from workflows_app.models import ApiToken, Event, EventUse, Run, User, Workspace
from workflows_app.services import event_group
from workflows_app.services.people import token_revoke

pytestmark = pytest.mark.django_db(transaction=True)
KIND = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
WAIT = {"id": "wait", "kind": "wait", "with": {"event": "payment.*", "key": "=input.order"}}
PASSED = 299


def cloud_event(number, type="order.paid", **more):
    return {"specversion": "1.0", "id": f"e-{number}", "source": "/s", "type": type, **more}


class Passed:
    """Stands for the rest of the product: notes what is passed on to it."""

    def __init__(self):
        self.bodies = []

    async def __call__(self, scope, receive, send):
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": PASSED, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def passed():
    return Passed()


@pytest.fixture
def post(api, passed):
    """Give what sends several calls at once: a list of (body, headers) gives the answers."""
    application = EventIntake(passed)

    def send(calls, *, path="/api/v1/events", host="testserver", token=api.token):
        async def all_at_once():
            transport = httpx.ASGITransport(app=application)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                own = {"authorization": f"Bearer {token}"} if token else {}
                posts = [
                    client.post(path, content=json.dumps(body), headers={**own, **headers})
                    for body, headers in calls
                ]
                return await asyncio.gather(*posts)

        return asyncio.run(all_at_once())

    return send


def test_calls_that_come_together_share_commits_and_each_event_is_stored_once(post, monkeypatch):
    groups = []
    take = event_group.events_take

    def counted(workspace_id, sent):
        groups.append(len(sent))
        return take(workspace_id, sent)

    monkeypatch.setattr(event_group, "events_take", counted)

    answers = post([(cloud_event(number), KIND) for number in range(250)])

    nothing = {"started": [], "resumed": [], "duplicate": False}
    assert [(one.status_code, one.json()) for one in answers] == [(202, nothing)] * 250
    assert sorted(Event.objects.values_list("event_id", flat=True)) == sorted(
        f"e-{number}" for number in range(250)
    )
    assert sum(groups) == 250
    assert max(groups) <= event_group.AT_ONCE
    assert len(groups) < 50


def test_of_the_same_event_sent_by_many_at_once_one_is_no_duplicate(post):
    answers = post([(cloud_event(1), KIND)] * 20)

    assert sorted(one.json()["duplicate"] for one in answers) == [False] + [True] * 19
    assert Event.objects.count() == 1


def test_each_run_is_resumed_by_its_own_event(post, workspace):
    Workspace.objects.filter(pk=workspace.pk).update(slug="test")
    version = version_make([WAIT])
    with worker_running():
        runs = [run_make(version, {"order": f"O-{number}"}) for number in range(12)]
        until(lambda: all(at_rest(run.pk) for run in runs))

        events = [cloud_event(n, type="payment.made", subject=f"O-{n}") for n in range(12)]
        answers = post([(event, KIND) for event in [*events, *events]])

        until(lambda: Run.objects.filter(state="succeeded").count() == 12)
    resumed = [one.json()["resumed"] for one in answers if not one.json()["duplicate"]]
    assert sorted(one[0]["run"] for one in resumed) == sorted(str(run.pk) for run in runs)
    assert EventUse.objects.count() == 12


def test_a_trigger_that_was_just_published_hears_of_the_next_event(post, api):
    first = post([(cloud_event(1), KIND)])[0].json()
    triggers = [{"event": "order.*", "where": "event.data.n > 1.0", "input": "=event.data"}]
    publish(api, "double", {**DOUBLE, "triggers": triggers})

    answers = post([(cloud_event(n, data={"n": n}), KIND) for n in (2, 3)])
    unfit = post([(cloud_event(4, data={"n": 1}), KIND), (cloud_event(5, data={}), KIND)])

    assert first["started"] == []
    started = {one.json()["started"][0]: n for one, n in zip(answers, (2, 3), strict=True)}
    assert {str(run.pk): run.input["n"] for run in Run.objects.all()} == started
    assert [one.json()["started"] for one in unfit] == [[], []]


def test_a_token_that_was_revoked_sends_nothing_more(post, api, passed):
    assert post([(cloud_event(1), KIND)])[0].status_code == 202

    token_revoke(token=ApiToken.objects.get(), actor="operator")
    answer = post([(cloud_event(2), KIND)])[0]

    assert answer.status_code == PASSED
    assert json.loads(passed.bodies[0]) == cloud_event(2)
    assert Event.objects.count() == 1


def test_who_may_not_start_runs_sends_nothing(post, api, viewer, anonymous):
    User.objects.filter(username="owner").update(is_active=False)

    answers = [post([(cloud_event(1), KIND)], token=one.token) for one in (api, viewer, anonymous)]

    assert [one[0].status_code for one in answers] == [PASSED] * 3
    assert not Event.objects.exists()


def test_each_event_goes_into_the_workspace_of_its_token(post, api, stranger, service):
    for caller in (stranger, service):
        assert post([(cloud_event(1), KIND)], token=caller.token)[0].status_code == 202

    found = Event.objects.order_by("pk").values_list("workspace__slug", "actor", "via")
    assert list(found) == [
        ("elsewhere", "user:stranger", "api"),
        ("default", "service:nightly", "api"),
    ]


def test_events_that_cannot_be_stored_together_are_passed_on_whole(post, passed, monkeypatch):
    def refuse(workspace_id, sent):
        raise OperationalError("the database is away")

    monkeypatch.setattr(event_group, "events_take", refuse)

    answers = post([(cloud_event(number), KIND) for number in range(5)])

    assert [one.status_code for one in answers] == [PASSED] * 5
    assert {json.loads(body)["id"] for body in passed.bodies} == {f"e-{n}" for n in range(5)}


@pytest.mark.parametrize(
    ("body", "headers", "how"),
    [
        (cloud_event(1), KIND, {"path": "/api/v1/events?workspace=default"}),
        (cloud_event(1), KIND, {"path": "/api/v1/runs"}),
        (cloud_event(1), KIND, {"host": "elsewhere.example"}),
        (cloud_event(1), KIND, {"token": ""}),
        (cloud_event(1, data="x" * intake.LARGEST), KIND, {}),
        ({**cloud_event(1), "id": ""}, KIND, {}),
        ([cloud_event(1)] * 2, KIND, {}),
        ([], BATCH, {}),
        ([cloud_event(number) for number in range(101)], BATCH, {}),
        (cloud_event(1), {**KIND, "content-encoding": "gzip"}, {}),
    ],
)
def test_what_is_not_plain_is_passed_on_as_it_came(post, passed, body, headers, how):
    answer = post([(body, headers)], **how)[0]

    assert answer.status_code == PASSED
    assert [json.loads(one) for one in passed.bodies] == [body]
    assert not Event.objects.exists()


def test_both_ways_answer_alike(api):
    """The ordinary way is taken when a workspace is named; only the request's id differs."""
    application = EventIntake(get_asgi_application())

    async def both():
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            headers = {"authorization": f"Bearer {api.token}", **KIND, "x-request-id": "same-id-1"}
            return [
                await client.post(f"/api/v1/events{query}", json=cloud_event(n), headers=headers)
                for n, query in ((1, ""), (2, "?workspace=default"))
            ]

    quick, ordinary = asyncio.run(both())
    connections.close_all()

    assert (quick.status_code, quick.json()) == (ordinary.status_code, ordinary.json())
    assert dict(quick.headers) == {
        **ordinary.headers,
        "content-length": quick.headers["content-length"],
    }


def test_a_batch_is_answered_item_by_item(post):
    bad = {**cloud_event(2), "type": None}

    events = [cloud_event(1), bad, cloud_event(1), cloud_event(3), "nothing", {"id": 7}]
    answer = post([(events, BATCH)])[0]

    assert answer.status_code == 202
    items = answer.json()["items"]
    assert [(one["id"], one["status"], one["duplicate"]) for one in items] == [
        ("e-1", 202, False),
        ("e-2", 422, False),
        ("e-1", 202, True),
        ("e-3", 202, False),
        (None, 422, False),
        (None, 422, False),
    ]
    assert items[1]["problem"]["problems"][0]["pointer"] == "/type"
    assert list(Event.objects.order_by("pk").values_list("event_id", flat=True)) == ["e-1", "e-3"]
