"""Who may answer: never whoever asked for it, a stranger, or a machine."""

import pytest
from django.db import IntegrityError, transaction

from approvals_app.models import Vote
from approvals_app.services.delegate import approval_delegate
from tests.approvals_app import factories
from tests.approvals_app.services.deciding import decide, events_of, untouched
from workflows_app.errors import Conflict, Forbidden, NotFound
from workflows_app.selectors.people import Grant, Principal

pytestmark = pytest.mark.django_db


def test_a_stranger_is_refused_and_that_is_recorded(people):
    request = factories.request_for()

    with pytest.raises(Forbidden) as refused:
        decide(request, people["mallory"])

    assert refused.value.code == "stranger"
    assert untouched(request)
    event = events_of(request, "refused").get()
    assert (event.actor, event.data["code"]) == ("user:mallory", "stranger")


@pytest.mark.parametrize("role", ["starter", "editor", "credential"])
def test_whoever_asked_for_it_never_decides(people, role):
    actor = factories.person(f"the-{role}", groups=["approvers"])
    factories.credential_set("stripe", actor if role == "credential" else people["mallory"])
    step_run = factories.waiting_step(
        starter=actor if role == "starter" else people["olga"],
        of=factories.version(editors=[actor] if role == "editor" else []),
    )
    request = factories.request_for(
        step_run, bound=factories.action(step_run, credentials=["stripe"])
    )

    with pytest.raises(Forbidden) as refused:
        decide(request, actor)

    assert refused.value.code == "requester"
    assert untouched(request)
    assert events_of(request, "refused").get().data["code"] == "requester"


def test_an_admin_is_bound_by_four_eyes_like_anyone(people):
    admin = factories.person("ada", groups=["approvers"], roles=["admin"])
    request = factories.request_for(factories.waiting_step(starter=admin))

    with pytest.raises(Forbidden):
        decide(request, admin)


def test_the_database_itself_refuses_a_requesters_vote(people):
    request = factories.request_for()
    vote = Vote(
        request=request,
        round=1,
        person=people["olga"],
        seat=people["olga"],
        decision="approve",
        digest=request.digest,
        answer_digest="a",
        body_digest="b",
        via="token",
        at=request.requested_at,
    )

    with pytest.raises(IntegrityError, match="whoever asked for it"), transaction.atomic():
        vote.save()


def test_an_answer_is_never_changed_or_removed(people):
    request = factories.request_for()
    decide(request, people["anna"])

    for attempt in (
        lambda: Vote.objects.update(decision="reject", reason="x"),
        lambda: Vote.objects.filter(request=request)._raw_delete("default"),
    ):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            attempt()


def test_a_service_never_decides(people):
    request = factories.request_for()
    grant = Grant(
        workspace=factories.workspace(), roles=frozenset(), scopes=frozenset({"read", "decide"})
    )
    service = Principal(service="robot", grants=(grant,), actor="service:robot", via="api")

    with pytest.raises(Forbidden) as refused:
        decide(request, service)

    assert refused.value.code == "not_a_person"
    assert untouched(request)
    event = events_of(request, "refused").get()
    assert (event.actor, event.data["code"]) == ("service:robot", "not_a_person")


def test_another_workspace_does_not_know_the_request(people):
    other = factories.workspace("other")
    outsider = factories.person("otto", groups=["approvers"], space=other)
    request = factories.request_for()

    with pytest.raises(NotFound):
        decide(request, outsider)


def test_groups_are_read_at_the_decision(people):
    request = factories.request_for()
    with pytest.raises(Forbidden):
        decide(request, people["mallory"])

    factories.person("mallory", groups=["approvers"])

    assert decide(request, people["mallory"]).state == "approved"


def test_somebody_who_left_decides_nothing(people):
    request = factories.request_for()
    people["anna"].memberships.update(is_active=False)

    with pytest.raises(NotFound):
        decide(request, people["anna"])


def test_the_starter_of_a_rehearsal_may_answer_and_the_record_says_so(people):
    step_run = factories.waiting_step(starter=people["olga"], mode="rehearsal")
    request = factories.request_for(step_run)

    assert decide(request, people["olga"]).state == "approved"

    assert Vote.objects.get().is_own_rehearsal
    assert events_of(request).get().data["own_rehearsal"] is True


def test_a_delegate_decides_instead_of_the_person(people):
    request = factories.request_for(need=2)
    approval_delegate(approval_id=request.pk, actor=people["anna"], to="user:mallory")

    assert decide(request, people["mallory"]).state == "pending"
    assert events_of(request).get().data["instead_of"] == "user:anna"
    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"])

    assert refused.value.extra["decided"]["by"] == "user:mallory"
    assert decide(request, people["ben"]).state == "approved"
