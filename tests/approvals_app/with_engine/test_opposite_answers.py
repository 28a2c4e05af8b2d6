"""Opposite answers at the same moment, with a worker that acts on the one that won."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from tests.approvals_app import factories
from tests.approvals_app.with_engine.driving import GATE, asked, decide, ended
from tests.engine_harness import run_make, states, step, version_make, worker_running
from workflows_app.errors import Conflict
from workflows_app.models import RunEvent

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 8


def at_once(acts):
    """Call them in threads that start together; give for each whether it was not refused."""
    barrier = threading.Barrier(len(acts))

    def one(act):
        barrier.wait()
        try:
            act()
        except Conflict:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_what_won_is_carried_out_once_and_nothing_else(people, done):
    space = version_make([step("x")]).workflow.workspace
    voters = [
        factories.person(f"p{number}", groups=["approvers"], space=space)
        for number in range(PEOPLE)
    ]
    version = version_make([step("a", "act", 7, effect="irreversible", approval=GATE)])
    with worker_running():
        for _ in range(5):
            done.clear()
            run = run_make(version, user=people["olga"])
            request = asked(run)

            def answer(person, decision, request=request):
                return lambda: decide(request, person, decision, reason="opposite")

            won = at_once(
                [answer(one, ("approve", "reject")[n % 2]) for n, one in enumerate(voters)]
            )

            run = ended(run)
            request.refresh_from_db()
            assert sum(won) == 1
            assert request.state == ("approved", "rejected")[won.index(True) % 2]
            assert done == ([7] if request.state == "approved" else [])
            assert states(run) == {"a": "succeeded" if done else "skipped"}
            decided = RunEvent.objects.filter(run=run, type="approval.decided")
            assert [event.actor for event in decided] == [f"user:{request.decided_by.username}"]
