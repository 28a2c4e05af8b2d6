"""Real threads on real rows: whatever meets, exactly one wins and leaves one record."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.utils import timezone

from approvals_app.models import ApprovalRequest, Vote
from approvals_app.services.decide import approval_decide
from approvals_app.services.expire import deadlines_sweep
from approvals_app.services.record import request_hold, scope_lock
from approvals_app.services.seen import approval_see
from approvals_app.services.talk import approval_comment, approval_snooze
from approvals_app.services.undo import approval_undo
from tests.approvals_app import factories
from workflows_app.core.effects import WithdrawApproval
from workflows_app.errors import DomainError
from workflows_app.models import InboxFact, RunEvent, Timer

pytestmark = pytest.mark.django_db(transaction=True)
FINAL = ("approval.decided", "approval.closed")


def at_once(*actions):
    """Run all actions together, each on a connection of its own; give results or errors."""
    gate = threading.Barrier(len(actions))  # the pool has 8 connections: ask for fewer

    def run(action):
        try:
            connection.ensure_connection()
            gate.wait(timeout=30)
            return action()
        except DomainError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def decide(request, actor, decision, **given):
    given = {"via": "token", "digest": request.digest, "reason": f"because {decision}", **given}
    return approval_decide(approval_id=request.pk, actor=actor, decision=decision, **given)


def withdraw(request):
    """Cancel as the engine does: under the scope's lock."""
    with transaction.atomic():
        scope_lock(request.scope_id)
        factories.withdrawn(
            [WithdrawApproval(step_run_id=request.step_run_id, why="cancelled", now=timezone.now())]
        )
    return "withdrawn"


def won(results):
    return [result for result in results if not isinstance(result, DomainError)]


def final_events(request):
    events = RunEvent.objects.filter(run=request.run_id, type__in=FINAL)
    return [event for event in events if event.to_state != "pending"]


def people_of(count):
    return [factories.person(f"p{number}", groups=["approvers"]) for number in range(count)]


def test_of_many_opposite_decisions_one_wins():
    voters = people_of(6)
    request = factories.request_for()

    results = at_once(
        *[
            lambda voter=voter, number=number: decide(
                request, voter, "approve" if number % 2 else "reject"
            )
            for number, voter in enumerate(voters)
        ]
    )

    assert len(won(results)) == 1
    losers = [result for result in results if isinstance(result, DomainError)]
    assert {error.status for error in losers} == {409}
    request.refresh_from_db()
    winner = f"user:{request.decided_by.username}"
    assert {error.extra["decided"]["by"] for error in losers} == {winner}
    assert Vote.objects.count() == 1
    assert len(final_events(request)) == 1
    assert InboxFact.objects.get().fact["by"] == winner


def test_opposite_pairs_fifty_times_leave_one_record_each():
    anna, ben = people_of(2)
    requests = [factories.request_for() for _ in range(50)]

    for request in requests:
        results = at_once(
            lambda request=request: decide(request, anna, "approve"),
            lambda request=request: decide(request, ben, "reject"),
        )
        assert len(won(results)) == 1
        assert len(final_events(request)) == 1

    assert Vote.objects.count() == 50
    assert InboxFact.objects.count() == 50


def test_the_same_answer_sent_many_times_counts_once():
    (anna,) = people_of(1)
    request = factories.request_for()

    results = at_once(*[lambda: decide(request, anna, "approve") for _ in range(6)])

    assert len(won(results)) == 6
    assert Vote.objects.count() == 1
    assert InboxFact.objects.count() == 1
    assert len(final_events(request)) == 1


def test_a_quorum_counts_each_person_once_under_load():
    voters = people_of(6)
    request = factories.request_for(need=4)

    at_once(*[lambda voter=voter: decide(request, voter, "approve", reason="") for voter in voters])

    request.refresh_from_db()
    assert request.state == "approved"
    assert Vote.objects.count() == 4
    assert InboxFact.objects.count() == 1


def test_an_approval_and_a_cancel_leave_one_end():
    (anna,) = people_of(1)
    ends = set()
    for _ in range(10):
        request = factories.request_for()
        at_once(lambda: decide(request, anna, "approve"), lambda: withdraw(request))  # noqa: B023
        request.refresh_from_db()
        ends.add(request.state)
        assert len(final_events(request)) == 1
        facts = InboxFact.objects.filter(scope=request.scope_id).count()
        assert facts == (1 if request.state == "approved" else 0)

    assert ends <= {"approved", "withdrawn"}


def test_an_approval_and_the_deadline_leave_one_end():
    (anna,) = people_of(1)
    for _ in range(10):
        request = factories.due_in_past(factories.request_for(), seconds=-0.02)
        at_once(
            lambda: decide(request, anna, "approve"),  # noqa: B023
            lambda: deadlines_sweep(timezone.now()),
        )
        request.refresh_from_db()
        assert request.state in ("approved", "expired", "pending")
        if request.state == "pending":  # the sweep was too early and the person too late
            continue
        assert len(final_events(request)) == 1
        assert InboxFact.objects.filter(scope=request.scope_id).count() == 1


def test_two_sweeps_end_a_request_once():
    people_of(1)
    requests = [factories.due_in_past(factories.request_for()) for _ in range(5)]

    at_once(*[lambda: deadlines_sweep(timezone.now()) for _ in range(4)])
    deadlines_sweep(timezone.now())

    assert set(ApprovalRequest.objects.values_list("state", flat=True)) == {"expired"}
    assert InboxFact.objects.count() == len(requests)


def test_an_undo_and_a_cancel_leave_no_decision_behind():
    (anna,) = people_of(1)
    for _ in range(10):
        request = factories.request_for()
        decide(request, anna, "approve", via="page")
        at_once(
            lambda: approval_undo(approval_id=request.pk, actor=anna, via="page"),  # noqa: B023
            lambda: withdraw(request),  # noqa: B023
        )
        request.refresh_from_db()
        assert request.state == "withdrawn"
        assert not Timer.objects.filter(scope=request.scope_id).exists()
        assert not InboxFact.objects.filter(scope=request.scope_id).exists()


def test_an_edit_and_an_approval_of_the_original_never_mix():
    anna, ben = people_of(2)
    for _ in range(10):
        request = factories.request_for()
        edited = {**factories.ARGUMENTS, "amount": 1.0}
        results = at_once(
            lambda: decide(request, anna, "approve", arguments=edited),  # noqa: B023
            lambda: decide(request, ben, "approve"),  # noqa: B023
        )
        assert len(won(results)) == 1
        request.refresh_from_db()
        fact = InboxFact.objects.get(scope=request.scope_id).fact
        assert fact["digest"] == request.digest
        assert ("arguments" in fact) == (request.decided_by == anna)


@pytest.mark.parametrize("act", ["see", "comment", "snooze"])
def test_who_looks_or_speaks_does_not_wait_for_a_decision_that_waits_for_them(act):
    """Both hold the run's row in the end; who refers to the request must not want it after that."""
    voter, other = people_of(2)
    request = factories.request_for()
    is_held, may_end = threading.Event(), threading.Event()
    actions = {
        "see": lambda: approval_see(approval_id=request.pk, actor=other),
        "comment": lambda: approval_comment(approval_id=request.pk, actor=other, text="Wait"),
        "snooze": lambda: approval_snooze(approval_id=request.pk, actor=other, minutes=10),
    }

    def deciding():
        with transaction.atomic():
            request_hold(approval_id=request.pk, workspaces=[request.workspace_id])
            is_held.set()
            assert may_end.wait(30)
        return "held"

    def looking():
        assert is_held.wait(30)
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '2s'")
                actions[act]()
        finally:
            may_end.set()
        return "looked"

    assert at_once(deciding, looking) == ["held", "looked"]
    assert decide(request, voter, "approve").state == "approved"
