"""Events in by the API and by signed calls: what they start, and what is refused."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from tests.api.callers import DOUBLE, assert_problem, publish
from workflows_app.models import Delivery, Event, Run, TriggerFiring, WorkflowTrigger

pytestmark = pytest.mark.django_db

ORDERS = {
    **DOUBLE,
    "triggers": [
        {
            "event": "order.*",
            "where": "event.data.amount > 10.0",
            "input": {"n": "=event.data.amount"},
        }
    ],
}
HOOK = {**DOUBLE, "triggers": [{"webhook": "shop", "input": {"n": "=event.data.amount"}}]}


def cloud_event(id="e-1", type="order.created", amount=20, **more):
    event = {"specversion": "1.0", "id": id, "source": "/shop", "type": type}
    return {**event, "data": {"amount": amount}, **more}


def trigger_of(api, definition, slug="double"):
    publish(api, slug, definition)
    return WorkflowTrigger.objects.get(workflow__slug=slug, is_active=True)


def publish_answer(api, slug, definition, revision=None):
    if revision is None:
        body = {"name": "Double", "slug": slug, "definition": definition}
        revision = api.post("workflows", body).json()["draft"]["revision"]
    else:
        saved = api.put(f"workflows/{slug}/draft", {"definition": definition, "revision": revision})
        revision = saved.json()["draft"]["revision"]
    answer = api.post(f"workflows/{slug}/publish", {"revision": revision, "note": ""})
    assert answer.status_code == 201, answer.content
    return answer.json(), revision


def signed(secret, body, *, id="msg_1", at=None, **headers):
    at = at or datetime.now(UTC)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body),
        **headers,
    }


def call(url, body, headers):
    return Client().post(url, body, content_type="application/json", headers=headers)


def test_an_event_starts_a_run_of_each_trigger_that_it_fits(api):
    trigger = trigger_of(api, ORDERS)

    answer = api.post("events", cloud_event())

    assert answer.status_code == 202
    run = Run.objects.get()
    assert answer.json() == {"started": [str(run.pk)], "resumed": [], "duplicate": False}
    assert (run.input, run.started_via) == ({"n": 20}, f"trigger:{trigger.pk}")
    assert TriggerFiring.objects.get().run_id == run.pk


def test_a_repeat_of_source_and_id_starts_nothing(api):
    trigger_of(api, ORDERS)
    api.post("events", cloud_event())

    answer = api.post("events", cloud_event(amount=99))

    assert answer.status_code == 202
    assert answer.json() == {"started": [], "resumed": [], "duplicate": True}
    assert Run.objects.count() == 1


def test_after_thirty_days_the_same_id_is_a_new_event(api):
    trigger_of(api, ORDERS)
    api.post("events", cloud_event())
    Event.objects.update(received_at=timezone.now() - timedelta(days=31))

    assert len(api.post("events", cloud_event()).json()["started"]) == 1


@pytest.mark.parametrize(
    "event", [cloud_event(amount=5), cloud_event(type="payment.made"), cloud_event(data=None)]
)
def test_an_event_that_does_not_fit_is_stored_and_starts_nothing(api, event):
    trigger_of(api, ORDERS)

    assert api.post("events", event).json()["started"] == []
    assert Event.objects.count() == 1


def test_binary_mode_has_its_attributes_in_headers(api):
    trigger_of(api, ORDERS)
    headers = {"ce-specversion": "1.0", "ce-id": "b-1", "ce-source": "/shop", "ce-type": "order.x"}

    answer = api.call("post", "events", {"amount": 30}, **headers, ce_subject="O-1")

    assert len(answer.json()["started"]) == 1
    event = Event.objects.get()
    assert (event.event_id, event.subject, event.data) == ("b-1", "O-1", {"amount": 30})


@pytest.mark.parametrize("name", ["id", "source", "type", "specversion"])
def test_a_missing_attribute_is_named(api, name):
    event = cloud_event()
    del event[name]

    body = assert_problem(api.post("events", event), 422, "invalid")

    assert body["problems"][0]["pointer"] == f"/{name}"
    assert not Event.objects.exists()


def test_a_trigger_that_cannot_start_says_why_and_stops_nobody(api):
    trigger_of(api, {**ORDERS, "triggers": [{"event": "order.*", "input": {"n": "=event.data.x"}}]})
    other = {
        **ORDERS,
        "triggers": [{"event": "order.created", "input": {"n": "=event.data.amount"}}],
    }
    trigger_of(api, other, "second")

    answer = api.post("events", cloud_event())

    assert len(answer.json()["started"]) == 1
    failed = TriggerFiring.objects.get(run=None)
    assert failed.error["code"]


def test_who_may_send_events(api, viewer, stranger, anonymous, service):
    trigger_of(api, ORDERS)

    assert_problem(anonymous.post("events", cloud_event()), 401)
    assert_problem(viewer.post("events", cloud_event()), 403)
    assert stranger.post("events", cloud_event()).json()["started"] == []
    assert len(service.post("events", cloud_event()).json()["started"]) == 1


def test_only_the_newest_version_is_triggered(api):
    _, revision = publish_answer(api, "double", ORDERS)
    narrower = {**ORDERS, "triggers": [{"event": "order.paid", "input": {"n": 1}}]}
    publish_answer(api, "double", narrower, revision)

    assert api.post("events", cloud_event()).json()["started"] == []
    assert len(api.post("events", cloud_event(id="2", type="order.paid")).json()["started"]) == 1


def test_a_signed_call_starts_the_run_and_its_repeat_does_not(api):
    version, _ = publish_answer(api, "double", HOOK)
    hook = version["triggers"][0]
    body = json.dumps({"amount": 4})
    path = hook["url"].removeprefix("http://testserver")

    first = call(path, body, signed(hook["secret"], body))
    again = call(path, body, signed(hook["secret"], body))

    assert (first.status_code, again.status_code) == (202, 202)
    assert len(first.json()["started"]) == 1
    assert again.json() == {"started": [], "resumed": [], "duplicate": True}
    assert Run.objects.get().input == {"n": 4}
    assert Event.objects.get().event_id == "msg_1"
    shown = api.get("workflows/double/versions/1").json()
    assert shown["triggers"][0]["secret"] is None


def test_a_call_that_is_not_well_signed_is_refused(api):
    version, _ = publish_answer(api, "double", HOOK)
    hook = version["triggers"][0]
    body = json.dumps({"amount": 4})
    path = f"/hooks/{hook['id']}"
    good = signed(hook["secret"], body)
    old = signed(hook["secret"], body, at=datetime.now(UTC) - timedelta(minutes=6))
    early = signed(hook["secret"], body, at=datetime.now(UTC) + timedelta(minutes=6))
    other = signed("whsec_" + "A" * 32, body)

    refused = [
        call(path, body, {}),
        call(path, body, old),
        call(path, body, early),
        call(path, body, other),
        call(path, body + " ", good),
        call(path, body, {**good, "webhook-signature": "v1"}),
        call(path, body, {**good, "webhook-signature": "v1,%%%"}),
        call(path, body, {**good, "webhook-id": "msg_2"}),
        call("/hooks/01890000-0000-7000-8000-000000000000", body, good),
    ]

    assert [answer.status_code for answer in refused] == [401] * len(refused)
    assert not Event.objects.exists()
    assert not Run.objects.exists()


def test_a_webhook_keeps_its_secret_and_its_old_address_over_versions(api):
    first, revision = publish_answer(api, "double", HOOK)
    second, _ = publish_answer(api, "double", {**HOOK, "output": 1}, revision)
    secret, body = first["triggers"][0]["secret"], json.dumps({"amount": 4})

    old = call(f"/hooks/{first['triggers'][0]['id']}", body, signed(secret, body))
    new = call(f"/hooks/{second['triggers'][0]['id']}", body, signed(secret, body, id="msg_2"))

    assert second["triggers"][0]["secret"] is None
    assert [len(old.json()["started"]), len(new.json()["started"])] == [1, 1]


def test_while_a_secret_is_replaced_both_count(api):
    version, _ = publish_answer(api, "double", HOOK)
    hook = version["triggers"][0]
    path, body = f"/hooks/{hook['id']}", json.dumps({"amount": 4})

    rotated = api.post(f"workflows/double/triggers/{hook['id']}/rotate").json()
    assert rotated["secret"] not in (None, hook["secret"])
    old = call(path, body, signed(hook["secret"], body))
    new = call(path, body, signed(rotated["secret"], body, id="msg_2"))
    api.post(f"workflows/double/triggers/{hook['id']}/rotate")
    gone = call(path, body, signed(hook["secret"], body, id="msg_3"))

    assert [old.status_code, new.status_code, gone.status_code] == [202, 202, 401]


def test_an_archived_workflow_hears_nothing(api):
    from workflows_app.models import User, Workflow
    from workflows_app.services.archive import workflow_archive

    version, _ = publish_answer(
        api, "double", {**HOOK, "triggers": [*HOOK["triggers"], *ORDERS["triggers"]]}
    )
    hook, body = version["triggers"][0], json.dumps({"amount": 4})
    workflow_archive(workflow=Workflow.objects.get(), actor=User.objects.get(username="owner"))

    assert api.post("events", cloud_event()).json()["started"] == []
    answer = call(f"/hooks/{hook['id']}", body, signed(hook["secret"], body))
    assert answer.status_code == 401


def test_a_subscription_shows_its_secret_once(api, viewer):
    body = {"event": "order.*", "url": "https://example.org/in"}

    made = api.put("subscriptions/warehouse", body)
    changed = api.put("subscriptions/warehouse", {**body, "event": "*"})

    assert (made.status_code, changed.status_code) == (201, 200)
    assert made.json()["secret"].startswith("whsec_")
    assert changed.json() == {"name": "warehouse", **body, "event": "*", "secret": None}
    assert_problem(viewer.put("subscriptions/warehouse", body), 403)
    assert_problem(api.put("subscriptions/x", {**body, "url": "ftp://a/"}), 422)


def test_deliveries_are_listed_and_sent_again(api, viewer, stranger):
    api.put("subscriptions/crm", {"event": "order.*", "url": "https://example.org/in"})
    api.post("events", cloud_event(id="d-1", type="order.paid"))
    delivery = Delivery.objects.get()
    Delivery.objects.update(state="failed", next_at=None, attempts=11, status=500)

    listed = viewer.get("deliveries?state=failed&subscription=crm").json()["items"]
    again = api.post(f"deliveries/{delivery.pk}/retry", {})

    assert [(one["id"], one["event"]["type"], one["status"]) for one in listed] == [
        (str(delivery.pk), "order.paid", 500)
    ]
    assert (again.status_code, again.json()["state"]) == (200, "pending")
    assert stranger.get("deliveries").json()["items"] == []
    assert_problem(stranger.post(f"deliveries/{delivery.pk}/retry", {}), 404)


def batch(api, events):
    body = json.dumps(events).encode()
    return api.call("post", "events", body, Content_Type="application/cloudevents-batch+json")


def test_a_batch_is_taken_in_its_order_and_each_event_has_its_outcome(api):
    trigger_of(api, ORDERS)
    events = [cloud_event(id=f"b-{number}", amount=number) for number in range(5, 125, 5)]
    wrong = {**cloud_event(id="x"), "source": ""}

    answer = batch(api, [*events, wrong, events[0]])

    assert answer.status_code == 202
    items = answer.json()["items"]
    assert [one["status"] for one in items] == [202] * 24 + [422, 202]
    assert [one["duplicate"] for one in items] == [False] * 25 + [True]
    assert [len(one["started"]) for one in items] == [0, 0] + [1] * 22 + [0, 0]
    assert items[24]["problem"]["problems"][0]["pointer"] == "/source"
    assert sorted(run.input["n"] for run in Run.objects.all()) == list(range(15, 125, 5))
    assert [one.event_id for one in Event.objects.order_by("pk")] == [one["id"] for one in events]


@pytest.mark.parametrize("events", [[], {}, [cloud_event(id=str(n)) for n in range(1001)]])
def test_a_batch_is_an_array_of_one_to_a_thousand(api, events):
    assert_problem(batch(api, events), 422, "invalid")
    assert not Event.objects.exists()


def test_a_large_batch_is_taken(api):
    answer = batch(api, [cloud_event(id=str(number)) for number in range(1000)])

    assert {one["status"] for one in answer.json()["items"]} == {202}
    assert Event.objects.count() == 1000


def test_the_triggers_in_force_are_listed_without_their_secrets(api, viewer, stranger):
    hooks = [*HOOK["triggers"], *ORDERS["triggers"], {"schedule": "0 9 * * *", "zone": "UTC"}]
    version, revision = publish_answer(api, "double", {**HOOK, "input": {}, "triggers": hooks})
    publish_answer(api, "double", {**HOOK, "input": {}, "triggers": hooks, "output": 1}, revision)
    trigger_of(api, ORDERS, "second")

    items = viewer.get("triggers").json()["items"]
    events = viewer.get("triggers?kind=event&workflow=double").json()["items"]
    first = viewer.get("triggers?limit=1").json()
    second = viewer.get(f"triggers?limit=1&cursor={first['next']}").json()

    assert [(one["workflow"], one["kind"], one["version"]) for one in items] == [
        ("second", "event", 1),
        ("double", "schedule", 2),
        ("double", "event", 2),
        ("double", "webhook", 2),
    ]
    assert items[3]["url"].endswith(f"/hooks/{items[3]['id']}")
    assert items[3]["trigger"] == HOOK["triggers"][0]
    assert items[1]["next_at"] is not None
    assert version["triggers"][0]["secret"] not in json.dumps(items)
    assert [one["id"] for one in events] == [items[2]["id"]]
    assert [*first["items"], *second["items"]] == items[:2]
    assert stranger.get("triggers").json()["items"] == []
    assert_problem(viewer.get("triggers?kind=other"), 422)
