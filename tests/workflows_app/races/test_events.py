"""Events and waits that meet at the same moment: nothing is lost, nothing is taken twice."""

import statistics
import threading
import time

import pytest
from django.db import connection

from tests.engine_harness import at_rest, run_make, until, version_make, worker_running
from workflows_app.core.states import RUN_TERMINAL
from workflows_app.models import Event, EventUse, EventWait, Run
from workflows_app.services.events import Incoming, event_receive
from workflows_app.services.people import workspace_default

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = {"id": "wait", "kind": "wait", "with": {"event": "payment.*", "key": "=input.order"}}


def send(id, subject, workspace):
    event = Incoming(id=id, source="/bank", type="payment.made", subject=subject, data=id)
    return event_receive(workspace=workspace, event=event, actor="operator", via="api")


def in_threads(*functions):
    barrier = threading.Barrier(len(functions))
    failures = []

    def run(function):
        try:
            barrier.wait()
            function()
        except Exception as error:  # noqa: BLE001 - shown by the test
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[function]) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.fixture
def workspace():
    return workspace_default()


def waiting_version(workspace):
    from workflows_app.models import Workspace

    Workspace.objects.filter(pk=workspace.pk).update(slug="test")
    return version_make([WAIT])


def ended(runs):
    ids = [run.pk for run in runs]
    return Run.objects.filter(pk__in=ids, state__in=[s.value for s in RUN_TERMINAL]).count()


def test_an_event_that_comes_as_the_wait_opens_is_taken_exactly_once(workspace):
    version = waiting_version(workspace)
    runs = []
    with worker_running(slots=16):
        for number in range(25):

            def begin(number=number):
                runs.append(run_make(version, {"order": f"O-{number}"}))

            def tell(number=number):
                until(lambda: len(runs) > number)
                send(f"e-{number}", f"O-{number}", workspace)

            in_threads(begin, tell)
        until(lambda: ended(runs) == 25)

    assert EventUse.objects.count() == 25
    assert not EventWait.objects.exists()


def test_the_same_event_sent_by_many_is_stored_once(workspace):
    version = waiting_version(workspace)
    answers = []
    with worker_running():
        run = run_make(version, {"order": "O-1"})
        until(lambda: at_rest(run.pk))
        in_threads(*[lambda: answers.append(send("e-1", "O-1", workspace))] * 8)
        until(lambda: ended([run]) == 1)

    assert sum(len(answer.resumed) for answer in answers) == 1
    assert sum(answer.duplicate for answer in answers) == 7
    assert Event.objects.count() == 1


def test_a_waiting_run_among_many_is_found_by_an_index_and_at_once(workspace, record_property):
    version = waiting_version(workspace)
    with worker_running():
        runs = [run_make(version, {"order": f"O-{number}"}) for number in range(20)]
        until(lambda: all(at_rest(run.pk) for run in runs))
        template = EventWait.objects.first()
        EventWait.objects.bulk_create(
            EventWait(
                workspace=workspace,
                run_id=template.run_id,
                scope_id=template.scope_id,
                step_run_id=template.step_run_id,
                generation=9,
                path="wait",
                port=f"p{number}",
                type="payment.*",
                key=f"X-{number}",
                channel=f"payment.*\n=X-{number}",
            )
            for number in range(2000)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE workflows_app_eventwait")
            cursor.execute(
                "EXPLAIN SELECT id FROM workflows_app_eventwait WHERE workspace_id = %s"
                " AND channel = ANY(%s) AND is_open ORDER BY id",
                [workspace.pk, ["payment.made\n", "payment.*\n=O-3", "*\n"]],
            )
            plan = "\n".join(row[0] for row in cursor.fetchall())
        took = []
        for number in range(20):
            begun = time.perf_counter()
            send(f"e-{number}", f"O-{number}", workspace)
            until(lambda wanted=number + 1: ended(runs) == wanted)
            took.append((time.perf_counter() - begun) * 1000)

    print("event to end of run, ms:", sorted(took))
    record_property("event_to_end_ms", statistics.median(took))
    assert "eventwait_open_by_channel" in plan
    assert statistics.median(took) < 1000
