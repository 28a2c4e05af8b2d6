"""However an answer comes in, one wins, and everybody else learns who it was."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from approvals_app.models import ApprovalRequest, MailLink, Vote
from approvals_app.services.cover import cover_create
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.mail_links import link_make
from tests.approvals_app import factories
from tests.approvals_app.races.test_one_wins import FINAL, at_once, decide, final_events, won
from workflows_app.errors import Conflict, DomainError, Forbidden, IllegalState
from workflows_app.models import InboxFact, Member, RunEvent, Timer, User
from workflows_app.services.tokens import token_create

pytestmark = pytest.mark.django_db(transaction=True)
FIFTY = 50
PATIENCE = 120  # seconds in line for a connection, also on a busy machine


def together(actions):
    """Do all of it at the same moment; there are far fewer connections than actions."""
    gate = threading.Barrier(len(actions))

    def run(action):
        gate.wait(timeout=60)
        try:
            return action()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def by_api(person, request, decision):
    space = factories.workspace()
    token = token_create(
        workspace=space, user=person, scopes=("read", "decide"), actor="operator", service=None
    )
    body = {"decision": decision, "digest": request.digest, "reason": f"{person} says so"}

    def send():
        answer = Client().post(
            f"/api/v1/approvals/{request.pk}/decision",
            body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {token}"},
        )
        given = answer.json()
        who = given["decided"]["by"] if answer.status_code == 409 else given["decided_by"]
        return answer.status_code == 200, who

    return send


def by_form(person, request, decision):
    client = Client()
    client.force_login(person)
    body = {"decision": decision, "digest": request.digest, "reason": f"{person} says so"}

    def send():
        answer = client.post(f"/approvals/APR-{request.number}/decide/", {**body, "page": "1"})
        if answer.status_code == 302:
            return True, f"user:{person.username}"
        assert answer.status_code == 409
        found = re.search(r"(\w+) was first", answer.content.decode())
        return False, f"user:{found[1]}"

    return send


def by_mail(person, request, decision):
    signed = link_make(request, person)
    body = {"decision": decision, "digest": request.digest, "reason": f"{person} says so"}

    def send():
        answer = Client().post(f"/d/{signed}/", body)
        if answer.status_code == 200:
            return True, f"user:{person.username}"
        assert answer.status_code in (409, 410)
        found = re.search(r"(\w+) was first", answer.content.decode())
        return False, f"user:{found[1]}"

    return send


def test_of_fifty_opposite_decisions_by_api_form_and_mail_one_wins(monkeypatch):
    monkeypatch.setattr(connection.pool, "timeout", PATIENCE)
    people = [factories.person(f"p{number}", groups=["approvers"]) for number in range(FIFTY)]
    request = factories.request_for(risk="low")
    ways = (by_api, by_form, by_mail)
    actions = [
        ways[number % 3](person, request, "approve" if number % 2 else "reject")
        for number, person in enumerate(people)
    ]

    results = together(actions)

    request.refresh_from_db()
    winner = f"user:{request.decided_by.username}"
    assert [who for has_won, who in results if has_won] == [winner]
    assert {who for _, who in results} == {winner}
    assert Vote.objects.count() == 1
    assert len(final_events(request)) == 1
    told = InboxFact.objects.count() + Timer.objects.filter(name="dispatch").count()
    assert told == 1
    assert MailLink.objects.filter(used_at__isnull=False).count() <= FIFTY // 3 + 1


def test_the_last_second_counts_and_the_first_after_it_does_not():
    anna, ben = (factories.person(name, groups=["approvers"]) for name in ("anna", "ben"))
    in_time = factories.due_in_past(factories.request_for(), seconds=-0.9)
    too_late = factories.due_in_past(factories.request_for(), seconds=0.01)

    decide(in_time, anna, "approve")
    with pytest.raises(Conflict) as refused:
        decide(too_late, ben, "approve")

    states = ApprovalRequest.objects.order_by("number").values_list("state", flat=True)
    assert list(states) == ["approved", "expired"]
    assert refused.value.extra["decided"]["by"] == "engine"
    assert Vote.objects.get().request == in_time


def test_a_decision_and_a_delegation_leave_one_vote_in_the_seat():
    anna = factories.person("anna", groups=["approvers"])
    dora = factories.person("dora")
    for _ in range(10):
        request = factories.request_for()
        results = at_once(
            lambda: decide(request, anna, "approve"),  # noqa: B023
            lambda: approval_delegate(approval_id=request.pk, actor=anna, to="user:dora"),  # noqa: B023
        )
        assert isinstance(results[0], ApprovalRequest) or isinstance(results[1], ApprovalRequest)
        both = at_once(
            lambda: decide(request, dora, "reject"),  # noqa: B023
            lambda: decide(request, anna, "approve"),  # noqa: B023
        )
        assert len(won(both)) <= 1 or won(both)[0].pk == request.pk
        request.refresh_from_db()
        assert request.state in ("approved", "rejected")
        assert request.votes.count() == 1
        assert len(final_events(request)) == 1


def test_deactivating_a_reviewer_and_their_answer_leave_a_clear_record():
    for number in range(10):
        name = f"r{number}"
        person = factories.person(name, groups=["approvers"])
        factories.person("other", groups=["approvers"])
        request = factories.request_for()
        results = at_once(
            lambda: decide(request, person, "approve"),  # noqa: B023
            lambda: User.objects.filter(username=name).update(is_active=False),  # noqa: B023
        )
        request.refresh_from_db()
        if isinstance(results[0], DomainError):
            assert request.state == "pending"
            assert request.votes.count() == 0
        else:
            assert request.votes.get().person == person


def test_a_deputy_of_the_starter_and_one_who_left_are_refused_and_recorded():
    olga, dora = factories.person("olga", groups=["approvers"]), factories.person("dora")
    left = factories.person("lena", groups=["approvers"])
    factories.person("anna", groups=["approvers"])
    now = timezone.now()
    cover_create(
        actor=olga,
        workspace=factories.workspace(),
        delegate="dora",
        starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(days=1),
    )
    request = factories.request_for()
    Member.objects.get(user=left).groups.clear()

    for person in (olga, dora, left):
        with pytest.raises(Forbidden):
            decide(request, person, "approve")

    request.refresh_from_db()
    assert (request.state, Vote.objects.count()) == ("pending", 0)
    refused = RunEvent.objects.filter(run=request.run_id, type="approval.refused")
    assert [event.actor for event in refused.order_by("sequence")] == [
        "user:olga",
        "user:dora",
        "user:lena",
    ]
    assert not RunEvent.objects.filter(run=request.run_id, type__in=FINAL).exists()


def test_a_replayed_answer_after_an_undo_and_a_new_digest_is_stale():
    anna = factories.person("anna", groups=["approvers"])
    factories.person("ben", groups=["approvers"])
    request = factories.request_for()
    old = request.digest
    edited = {**factories.ARGUMENTS, "amount": 1.0}
    ApprovalRequest.objects.filter(pk=request.pk).update(need="2")
    approval_decide(
        approval_id=request.pk,
        actor=anna,
        via="token",
        decision="approve",
        digest=old,
        arguments=edited,
    )

    with pytest.raises((Conflict, IllegalState)) as refused, transaction.atomic():
        approval_decide(
            approval_id=request.pk,
            actor=User.objects.get(username="ben"),
            via="token",
            decision="approve",
            digest=old,
        )

    assert refused.value.code == "stale_digest"
    assert refused.value.extra["decided"]["by"] == "user:anna"
    assert Vote.objects.count() == 1
