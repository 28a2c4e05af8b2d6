from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from approvals_app.models import Comment, SeenMark, Snooze
from tests.approvals_app import factories
from workflows_app.models import RunEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def url(request, name):
    return reverse(f"approvals:{name}", args=[request.number])


def test_a_comment_is_shown_escaped_and_recorded(anna):
    request = factories.request_for()

    anna.post(url(request, "comment"), {"text": "Is <b>this</b> right?"})

    text = anna.get(url(request, "detail")).content.decode()
    assert "Is &lt;b&gt;this&lt;/b&gt; right?" in text
    assert RunEvent.objects.filter(type="approval.commented").count() == 1


def test_a_comment_stays_as_it_was_said(anna):
    request = factories.request_for()
    anna.post(url(request, "comment"), {"text": "Wait"})

    with pytest.raises(DatabaseError), transaction.atomic():
        Comment.objects.update(text="Go")


def test_an_empty_comment_and_a_strangers_are_refused(anna, client, people):
    request = factories.request_for()
    assert anna.post(url(request, "comment"), {"text": " "}).status_code == 422

    client.force_login(factories.person("otto", space=factories.workspace("other")))
    assert client.post(url(request, "comment"), {"text": "Hello"}).status_code == 404
    assert not Comment.objects.exists()


def test_a_snoozed_request_leaves_only_ones_own_queue(anna, people, client):
    request = factories.request_for(summary="Refund Nordwind")

    anna.post(url(request, "snooze"), {"minutes": 60})

    assert "Refund Nordwind" not in anna.get("/approvals/").content.decode()
    client.force_login(people["ben"])
    assert "Refund Nordwind" in client.get("/approvals/").content.decode()


def test_a_snooze_ends_by_itself(anna):
    request = factories.request_for(summary="Refund Nordwind")
    anna.post(url(request, "snooze"), {"minutes": 60})
    Snooze.objects.update(until=timezone.now() - timedelta(seconds=1))

    assert "Refund Nordwind" in anna.get("/approvals/").content.decode()


def test_nobody_snoozes_past_the_deadline(anna):
    request = factories.request_for(deadline="30m")

    assert anna.post(url(request, "snooze"), {"minutes": 60}).status_code == 422
    text = anna.get(url(request, "detail")).content.decode()
    assert "In 15 min" in text
    assert "In 1 h" not in text


def test_who_was_not_asked_cannot_snooze(people, client):
    request = factories.request_for()
    client.force_login(people["mallory"])

    assert client.post(url(request, "snooze"), {"minutes": 15}).status_code == 403


def test_others_see_for_two_minutes_who_is_looking(anna, people, client):
    request = factories.request_for()
    anna.post(url(request, "seen"))
    assert "looking" not in anna.get("/approvals/").content.decode()

    client.force_login(people["ben"])
    assert "anna is looking" in client.get("/approvals/").content.decode()
    SeenMark.objects.update(at=timezone.now() - timedelta(minutes=3))
    assert "anna is looking" not in client.get("/approvals/").content.decode()
