"""Messages by mail and chat: to whom, how often, and never about one's own act."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import ApprovalRequest, Cover, Notice
from approvals_app.services.decide import approval_decide
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.expire import deadlines_sweep
from approvals_app.services.mail import messages_sweep
from approvals_app.services.undo import approval_undo
from tests.approvals_app import factories
from workflows_app.models import Delivery, Event
from workflows_app.services.subscriptions import subscription_put

pytestmark = pytest.mark.django_db
LADDER = [{"after": "2h", "assignees": ["user:mallory"]}]


@pytest.fixture
def subscribed(people):
    return subscription_put(
        workspace=factories.workspace(),
        name="chat",
        event="approval.*",
        url="https://chat.example/hook",
        actor="user:ada",
    )[0]


def decide(request, actor, decision="approve", **given):
    given = {"via": "token", "digest": request.digest, **given}
    return approval_decide(approval_id=request.pk, actor=actor, decision=decision, **given)


def told():
    return [(event.type, event.data) for event in Event.objects.order_by("pk")]


def test_subscribers_learn_of_each_turn_under_one_subject(people, subscribed):
    request = factories.request_for(ladder=LADDER)
    approval_escalate(approval_id=request.pk, actor=people["ben"], reason="Too big")
    decide(request, people["mallory"], undo_seconds=30)
    approval_undo(approval_id=request.pk, actor=people["mallory"], via="page")
    request = factories.due_in_past(
        ApprovalRequest.objects.get(pk=request.pk), seconds=1, requested=0
    )
    deadlines_sweep(timezone.now())

    kinds = [kind for kind, _ in told()]
    assert kinds == [
        "approval.requested",
        "approval.escalated",
        "approval.decided",
        "approval.requested",
        "approval.expired",
    ]
    assert set(Event.objects.values_list("subject", flat=True)) == {request.reference}
    assert Delivery.objects.filter(subscription=subscribed).count() == 5


def test_an_announcement_names_the_page_and_who_is_to_answer(people, subscribed):
    people["ben"].preferences = {"chat": "off"}
    people["ben"].save()

    request = factories.request_for(summary="Refund\u202eNordwind")

    ((_, data),) = told()
    assert data["url"].endswith(f"/approvals/{request.reference}/")
    assert data["to"] == ["user:anna"]
    assert data["summary"] == "RefundU+202ENordwind"
    assert data["state"] == "pending"


def test_a_decision_says_who_and_how(people, subscribed):
    request = factories.request_for()
    decide(request, people["anna"], "reject", reason="No")

    _, data = told()[-1]

    assert (data["by"], data["decision"], data["reason"]) == ("user:anna", "reject", "No")
    assert data["to"] == []


def test_the_first_of_two_critical_answers_is_not_announced(people, subscribed):
    request = factories.request_for(risk="critical")
    decide(request, people["anna"], reason="Sealed")

    assert [kind for kind, _ in told()] == ["approval.requested"]


def test_nobody_subscribed_and_nothing_is_written(people):
    factories.request_for()

    assert not Event.objects.exists()


def test_rehearsals_are_silent(people, subscribed):
    factories.request_for(factories.waiting_step(starter=people["olga"], mode="rehearsal"))

    assert not Event.objects.exists()


def test_a_subscription_to_something_else_gets_nothing(people):
    subscription_put(
        workspace=factories.workspace(),
        name="orders",
        event="order.*",
        url="https://chat.example/hook",
        actor="user:ada",
    )
    factories.request_for()

    assert not Event.objects.exists()


class TestMail:
    @pytest.fixture(autouse=True)
    def addresses(self, people):
        for person in people.values():
            person.email = f"{person.username}@example.org"
            person.save()

    def sent(self, mailoutbox):
        messages_sweep(timezone.now())
        return sorted(one.to[0].partition("@")[0] for one in mailoutbox)

    def test_one_message_for_each_person_however_often_it_moves(self, people, mailoutbox):
        request = factories.request_for(ladder=LADDER)
        assert self.sent(mailoutbox) == ["anna", "ben"]

        approval_escalate(approval_id=request.pk, actor=people["ben"], reason="Too big")

        assert self.sent(mailoutbox) == ["anna", "ben", "mallory"]

    def test_nobody_is_told_of_their_own_act(self, people, mailoutbox):
        ladder = [{"after": "2h", "assignees": ["user:ben", "user:mallory"]}]
        request = factories.request_for(ladder=ladder, assignees=["user:ben"])
        approval_escalate(approval_id=request.pk, actor=people["ben"], reason="Too big")

        assert self.sent(mailoutbox) == ["mallory"]

    def test_a_rung_may_be_told_by_chat_alone(self, people, mailoutbox):
        ladder = [{**LADDER[0], "channel": "chat"}]
        request = factories.request_for(ladder=ladder, assignees=["user:ben"])
        approval_escalate(approval_id=request.pk, actor=people["ben"], reason="Too big")

        assert self.sent(mailoutbox) == []

    def test_who_stands_in_is_told_instead(self, people, mailoutbox):
        now = timezone.now()
        Cover.objects.create(
            workspace=factories.workspace(),
            seat=people["anna"],
            delegate=people["mallory"],
            starts_at=now - timedelta(hours=1),
            ends_at=now + timedelta(days=1),
        )
        factories.request_for()

        assert self.sent(mailoutbox) == ["ben", "mallory"]

    def test_quiet_hours_delay_a_message(self, people, mailoutbox):
        now = timezone.now()
        here = {
            "quiet_from": f"{now - timedelta(hours=1):%H:%M}",
            "quiet_to": f"{now + timedelta(hours=2):%H:%M}",
        }
        for name in ("anna", "ben"):
            people[name].preferences = here
            people[name].save()

        factories.request_for(deadline="24h")

        assert self.sent(mailoutbox) == []
        assert Notice.objects.filter(send_at__gt=now + timedelta(hours=1)).count() == 2

    def test_what_is_over_is_not_sent_any_more(self, people, mailoutbox):
        request = factories.due_in_past(factories.request_for())
        deadlines_sweep(timezone.now())

        assert self.sent(mailoutbox) == []
        request.refresh_from_db()
        assert request.state == "expired"


def test_a_person_sets_channels_and_quiet_hours(people, client):
    client.force_login(people["anna"])
    body = {"mail": "off", "quiet_from": "22:00", "quiet_to": "07:00", "zone": "Europe/Berlin"}

    assert client.post("/me/", body).status_code == 302
    assert client.post("/me/", {**body, "zone": "Mars"}).status_code == 422

    people["anna"].refresh_from_db()
    found = people["anna"].preferences
    assert {name: found[name] for name in body} == body
    assert 'value="22:00"' in client.get("/me/").content.decode()


def test_the_page_carries_the_deadline_for_its_announcements(people, client):
    request = factories.request_for()
    client.force_login(people["anna"])

    text = client.get(f"/approvals/{request.reference}/").content.decode()

    assert f'data-due="{request.next_due_at.isoformat()}"' in text
    assert 'id="due-told" role="status" aria-live="polite"' in text
