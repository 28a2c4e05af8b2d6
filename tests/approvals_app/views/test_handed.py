"""What comes along with a request that moved, and times in business hours."""

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from approvals_app.models import ApprovalRequest, Calendar
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.expire import deadlines_sweep
from approvals_app.services.seen import approval_see
from approvals_app.services.talk import approval_comment
from tests.approvals_app import factories
from workflows_app.models import AppEvent

pytestmark = pytest.mark.django_db
LADDER = [{"after": "2h", "assignees": ["user:mallory"], "channel": "chat"}]


def page(client, request):
    return client.get(f"/approvals/APR-{request.number}/")


def test_what_stays_where_it_began_has_no_pack(people, client):
    client.force_login(people["anna"])

    assert page(client, factories.request_for()).context["handed"] is None


def test_the_next_person_gets_who_saw_it_what_was_said_and_why_it_moved(people, client):
    request = factories.request_for(ladder=LADDER)
    approval_see(approval_id=request.pk, actor=people["ben"])
    approval_comment(approval_id=request.pk, actor=people["ben"], text="Looks odd")
    approval_escalate(approval_id=request.pk, actor=people["ben"], reason="Above my limit")
    client.force_login(people["mallory"])

    answer = page(client, request)

    handed, text = answer.context["handed"], answer.content.decode()
    (move,) = handed["moves"]
    assert (move["by"], move["why"], move["to"]) == (
        "user:ben",
        "Above my limit",
        "user:mallory",
    )
    assert [one["name"] for one in handed["seen"]] == ["ben"]
    assert (handed["edits"], handed["comments"]) == (0, 1)
    assert "How it came here" in text


def test_a_delegation_moves_it_as_well(people, client):
    request = factories.request_for()
    approval_delegate(
        approval_id=request.pk, actor=people["anna"], to="user:mallory", reason="On leave"
    )
    client.force_login(people["mallory"])

    (move,) = page(client, request).context["handed"]["moves"]

    assert (move["kind"], move["to"], move["why"]) == ("delegated", "user:mallory", "On leave")


def test_the_clock_says_why_it_moved(people, client):
    request = factories.due_in_past(factories.request_for(ladder=LADDER))
    assert deadlines_sweep(None) == 1
    client.force_login(people["mallory"])

    (move,) = page(client, request).context["handed"]["moves"]

    assert (move["by"], move["why"]) == ("engine", "nobody answered within 2:00:00")


@pytest.fixture
def office(people):
    return Calendar.objects.create(
        workspace=factories.workspace(),
        name="office",
        zone="UTC",
        days=[1, 2, 3, 4, 5],
        opens=time(9),
        closes=time(17),
    )


def asked_at(moment, **given):
    step_run = factories.waiting_step(starter=factories.person("olga"))
    effect = factories.effect_for(step_run, **given)
    factories.asked([replace(effect, now=moment)])
    return ApprovalRequest.objects.get(step_run=step_run)


FRIDAY = datetime(2026, 1, 9, 16, tzinfo=UTC)
MONDAY = datetime(2026, 1, 12, tzinfo=UTC)


def test_a_calendar_counts_ladder_and_deadline_in_business_hours(office):
    request = asked_at(FRIDAY, calendar="office", ladder=LADDER, deadline="5h")

    assert request.next_due_at == MONDAY.replace(hour=10)
    assert request.deadline_at == MONDAY.replace(hour=13)
    assert request.ladder[0]["channel"] == "chat"


def test_without_a_calendar_the_clock_never_stops(office):
    for given in ({}, {"calendar": "always"}, {"calendar": "nowhere"}):
        assert asked_at(FRIDAY, deadline="5h", **given).deadline_at == FRIDAY.replace(hour=21)


def test_the_default_calendar_is_meant_where_none_is_named(office):
    office.is_default = True
    office.save()

    assert asked_at(FRIDAY, deadline="5h").deadline_at == MONDAY.replace(hour=13)
    around = asked_at(FRIDAY, deadline="5h", calendar="always")
    assert around.deadline_at == FRIDAY.replace(hour=21)


FORM = {
    "name": "office",
    "zone": "Europe/Berlin",
    "days": ["1", "5"],
    "opens": "09:00",
    "closes": "17:30",
    "holidays": "2026-12-24, 2026-12-25",
    "is_default": "on",
}


def test_an_admin_sets_and_removes_calendars(people, client):
    client.force_login(factories.person("ada", roles=["admin"]))

    assert client.post("/escalation/calendar/", FORM).status_code == 302

    made = Calendar.objects.get()
    assert (made.zone, made.days, len(made.holidays)) == ("Europe/Berlin", [1, 5], 2)
    assert "Europe/Berlin" in client.get("/escalation/").content.decode()
    assert client.post("/escalation/calendar/", {"drop": "office"}).status_code == 302
    assert not Calendar.objects.exists()
    types = set(AppEvent.objects.values_list("type", flat=True))
    assert types >= {"calendar.set", "calendar.dropped"}


@pytest.mark.parametrize(
    "changes",
    [
        {"zone": "Mars/Base"},
        {"days": []},
        {"closes": "08:00"},
        {"holidays": "Christmas"},
        {"name": "always"},
    ],
)
def test_a_calendar_that_cannot_be_is_refused(people, client, changes):
    client.force_login(factories.person("ada", roles=["admin"]))

    assert client.post("/escalation/calendar/", {**FORM, **changes}).status_code == 422
    assert not Calendar.objects.exists()


def test_only_admins_set_calendars(people, client):
    client.force_login(people["anna"])

    assert client.post("/escalation/calendar/", FORM).status_code == 403
