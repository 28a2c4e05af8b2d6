import pytest
from django.utils import timezone

from approvals_app.services import emptied
from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories
from workflows_app.models import Group, InboxFact, RunEvent, User

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def walk(monkeypatch):
    monkeypatch.setattr(emptied, "_WALK", emptied._Walk())


def sweep():
    return emptied.emptied_sweep(timezone.now())


def empty():
    Group.objects.get(name="approvers").members.clear()


def test_a_group_that_empties_while_a_request_waits_becomes_an_incident(people, nudges):
    request = factories.request_for()
    empty()

    assert sweep() == 1

    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert "Nobody may answer any more" in request.closed_why
    assert InboxFact.objects.get().fact["outcome"] == "incident"
    assert RunEvent.objects.get(type="approval.closed").data["outcome"] == "incident"
    assert nudges == [request.scope_id]
    assert sweep() == 0


def test_while_one_person_is_left_it_waits(people):
    request = factories.request_for()
    Group.objects.get(name="approvers").members.get(user=people["anna"]).delete()

    assert sweep() == 0
    request.refresh_from_db()
    assert request.state == "pending"


def test_somebody_further_up_the_ladder_is_enough(people):
    factories.request_for(
        on_timeout="escalate", ladder=[{"after": "2h", "assignees": ["user:mallory"]}]
    )
    empty()

    assert sweep() == 0


def test_a_vote_given_before_still_counts(people):
    request = factories.request_for(need=2)
    approval_decide(
        approval_id=request.pk,
        actor=people["anna"],
        via="token",
        decision="approve",
        digest=request.digest,
    )
    User.objects.filter(username="anna").update(is_active=False)

    assert sweep() == 0


def test_a_rehearsal_is_left_to_its_starter(people):
    factories.request_for(factories.waiting_step(starter=people["olga"], mode="rehearsal"))
    empty()

    assert sweep() == 0


def test_a_request_whose_only_people_were_deactivated_becomes_an_incident(people):
    request = factories.request_for()
    User.objects.filter(username__in=["anna", "ben"]).update(is_active=False)

    assert sweep() == 1

    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert InboxFact.objects.get().fact["outcome"] == "incident"
