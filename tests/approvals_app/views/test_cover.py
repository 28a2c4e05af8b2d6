import re
from datetime import timedelta

import pytest
from django.utils import timezone

from approvals_app.models import Cover, Delegation, Vote
from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories
from workflows_app.errors import DomainError, Forbidden
from workflows_app.models import AppEvent, Group, Member

pytestmark = pytest.mark.django_db


def cover(seat, delegate, **given):
    now = timezone.now()
    dates = {"starts_at": now - timedelta(hours=1), "ends_at": now + timedelta(days=3)}
    return Cover.objects.create(
        workspace=factories.workspace(), seat=seat, delegate=delegate, **{**dates, **given}
    )


def approve(request, person, **given):
    return approval_decide(
        approval_id=request.pk,
        actor=person,
        via="token",
        decision="approve",
        digest=request.digest,
        **given,
    )


def test_a_delegate_answers_instead_and_sees_for_whom(people, client):
    request = factories.request_for(summary="Refund Nordwind")
    cover(people["anna"], people["mallory"])
    client.force_login(people["mallory"])

    assert "You answer for anna" in client.get("/approvals/").content.decode()
    approve(request, people["mallory"])

    assert Vote.objects.get().seat == people["anna"]


@pytest.mark.parametrize("hours", [(-5, -1), (1, 5)])
def test_a_cover_holds_only_in_its_time(people, hours):
    request = factories.request_for()
    now = timezone.now()
    start, end = (now + timedelta(hours=hour) for hour in hours)
    cover(people["anna"], people["mallory"], starts_at=start, ends_at=end)

    with pytest.raises(Forbidden):
        approve(request, people["mallory"])


def test_critical_requests_are_covered_only_where_that_was_said(people):
    request = factories.request_for(risk="critical")
    held = cover(people["anna"], people["mallory"])
    with pytest.raises(Forbidden):
        approve(request, people["mallory"], reason="Fine")

    Cover.objects.filter(pk=held.pk).update(includes_critical=True)
    approve(request, people["mallory"], reason="Fine")


def test_a_cover_for_one_workflow_is_for_no_other(people):
    request = factories.request_for()
    cover(people["anna"], people["mallory"], workflow=factories.version().workflow)

    with pytest.raises(Forbidden):
        approve(request, people["mallory"])


def test_a_cover_never_lets_a_requester_approve(people):
    request = factories.request_for()
    cover(people["anna"], people["olga"])

    with pytest.raises(Forbidden):
        approve(request, people["olga"])


def test_a_person_and_their_delegate_use_one_seat(people):
    request = factories.request_for(need=2)
    cover(people["anna"], people["mallory"])

    approve(request, people["mallory"])

    request.refresh_from_db()
    assert request.state == "pending"


def form(**given):
    now = timezone.localtime()
    return {
        "delegate": "ben",
        "starts_at": now.strftime("%Y-%m-%dT%H:%M"),
        "ends_at": (now + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M"),
        **given,
    }


def test_setting_and_calling_off_a_cover_is_recorded(people, client):
    client.force_login(people["anna"])

    assert client.post("/cover/", form()).status_code == 302
    held = Cover.objects.get()
    assert client.post(f"/cover/{held.pk}/end/").status_code == 302

    held.refresh_from_db()
    assert held.ended_at is not None
    assert set(AppEvent.objects.values_list("type", flat=True)) >= {"cover.created", "cover.ended"}


@pytest.mark.parametrize(
    "given", [{"delegate": "anna"}, {"delegate": "nobody"}, {"ends_at": "2020-01-01T00:00"}]
)
def test_a_cover_that_cannot_be_is_refused(people, client, given):
    client.force_login(people["anna"])

    assert client.post("/cover/", form(**given)).status_code == 422
    assert not Cover.objects.exists()


def test_only_admins_set_covers_for_others_and_hand_items_on(people, client):
    factories.request_for()
    client.force_login(people["mallory"])

    assert client.post("/cover/", form(person="anna")).status_code == 403
    body = {"person": "anna", "to": "mallory", "reason": "Away"}
    assert client.post("/cover/reassign/", body).status_code == 403


def test_an_admin_hands_on_what_waits_for_somebody_but_not_to_themselves(people, client):
    request = factories.request_for()
    client.force_login(factories.person("ada", roles=["admin"]))
    body = {"person": "anna", "to": "mallory", "reason": "Away"}

    assert client.post("/cover/reassign/", {**body, "to": "ada"}).status_code == 403
    assert client.post("/cover/reassign/", body).status_code == 302

    assert Delegation.objects.get().to == "user:mallory"
    approve(request, people["mallory"])


def test_gaps_and_circles_are_named(people, client):
    space = factories.workspace()
    Group.objects.create(workspace=space, name="lonely")
    cover(people["anna"], people["ben"])
    cover(people["ben"], people["anna"])
    client.force_login(people["anna"])

    text = client.get("/escalation/").content.decode()

    assert "The group lonely is empty." in text
    assert re.search(
        r"Nobody in the group approvers answers from now to \d+ \w+ \d\d:\d\d UTC", text
    )
    assert "The two cover for each other" in text


def test_each_gate_is_a_ladder_that_says_whom_it_reaches(people, client):
    gate = {"assignees": ["group:approvers"], "ladder": [{"after": "2h", "assignees": ["user:x"]}]}
    factories.version(expanded={"steps": [{"id": "issue", "kind": "tool", "approval": gate}]})
    cover(people["anna"], people["mallory"])
    client.force_login(people["anna"])

    text = client.get("/escalation/").content.decode()

    assert "after 2h: user:x" in text
    assert "would reach anna (mallory answers), ben" in text


def test_a_member_who_left_covers_nothing(people):
    request = factories.request_for()
    cover(people["anna"], people["mallory"])
    Member.objects.filter(user=people["mallory"]).update(is_active=False)

    with pytest.raises(DomainError):
        approve(request, people["mallory"])
