"""The page of events: what each did, sending one, replaying one."""

from datetime import timedelta

import pytest
from django.utils import timezone

from workflows_app.models import Event, EventUse, Run

HTMX = {"HX-Request": "true"}


@pytest.fixture
def event(workspace, run):
    found = Event.objects.create(
        workspace=workspace,
        source="/shop",
        event_id="1",
        type="order.created",
        subject="O-1",
        data={"note": "<b>hello</b>"},
        via="api",
        actor="user:mira",
        received_at=timezone.now(),
    )
    EventUse.objects.create(event=found, run=run)
    return found


def test_the_list_shows_the_runs_of_each_event(client, owner, event, run):
    client.force_login(owner)

    body = client.get("/events/").content.decode()
    part = client.get("/events/?q=order", headers=HTMX).content.decode()

    assert f"RUN-{run.number}" in body
    assert "&lt;b&gt;hello" in body
    assert "<html" not in part
    assert "order.created" in part
    assert "order.created" not in client.get("/events/?unmatched=1").content.decode()


def test_a_test_event_is_taken_in(client, owner):
    client.force_login(owner)

    answer = client.post("/events/send/", {"type": "order.paid", "data": '{"n": 1}'})

    assert answer.status_code == 302
    assert Event.objects.get().data == {"n": 1}


@pytest.mark.parametrize("fields", [{"type": ""}, {"type": "a.*"}, {"type": "a", "data": "{"}])
def test_a_bad_test_event_is_refused_and_kept_in_the_form(client, owner, fields):
    client.force_login(owner)

    assert client.post("/events/send/", fields).status_code == 422
    assert not Event.objects.exists()


def test_a_replay_is_a_new_event(client, owner, event):
    client.force_login(owner)

    client.post(f"/events/{event.pk}/replay/")

    again = Event.objects.exclude(pk=event.pk).get()
    assert (again.type, again.subject, again.data) == (event.type, event.subject, event.data)


def test_who_may_not_send_or_see(client, viewer, stranger, event):
    client.force_login(viewer)
    assert client.get("/events/").status_code == 200
    assert client.post("/events/send/", {"type": "a"}).status_code == 403
    client.force_login(stranger)
    assert "order.created" not in client.get("/events/").content.decode()
    assert client.post(f"/events/{event.pk}/replay/").status_code == 404
    client.logout()
    assert client.get("/events/").status_code == 302
    assert Event.objects.count() == 1


def test_the_list_tells_how_soon_a_run_went_on_by_each_event(client, owner, event, run):
    client.force_login(owner)
    Run.objects.filter(pk=run.pk).update(started_at=event.received_at + timedelta(milliseconds=40))

    body = client.get("/events/", headers=HTMX).content.decode()

    assert "40 ms" in body
    assert f'id="event-{event.pk}"' in body


def test_an_empty_stream_shows_how_to_send_and_an_empty_filter_how_to_clear_it(client, owner):
    client.force_login(owner)

    empty = client.get("/events/").content.decode()
    filtered = client.get("/events/?q=nothing").content.decode()

    assert "curl -H" in empty
    assert "Clear filters" not in empty
    assert "Clear filters" in filtered
    assert "curl -H" not in filtered
