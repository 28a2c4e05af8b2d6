"""What the database does to a transaction or a connection is never taken for a step's answer."""

import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import connection

from tests.engine_harness import (
    at_rest,
    run_make,
    script,
    step,
    until,
    version_make,
    worker_running,
)
from workflows_app.core.kinds import Call, Done
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services import rows, sweep
from workflows_app.services.apply import facts_apply
from workflows_app.services.batch import ScopeFact

ADDRESS = {"dbname", "user", "password", "host", "port"}
pytestmark = pytest.mark.django_db(transaction=True)


@script("cut-off")
def _cut_off(call: Call) -> Done:
    """Lose the database connection in the first attempt."""
    if call.attempt == 1:
        try:
            rows.cursor_open().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        finally:
            connection.close()
    return Done(output=call.attempt)


def test_a_lock_that_stays_held_for_long_only_delays():
    run = run_make(version_make([step("a")]))
    scope = Scope.objects.get(run=run)
    held = threading.Event()

    def hold() -> None:
        database = connection.get_connection_params()
        with psycopg.connect(**{k: v for k, v in database.items() if k in ADDRESS}) as other:
            other.execute("SELECT 1 FROM workflows_app_scope WHERE id = %s FOR UPDATE", [scope.pk])
            held.set()
            other.execute("SELECT pg_sleep(0.5)")

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")

    applied = facts_apply([ScopeFact(scope_id=scope.pk, run_id=run.pk, fact=None)])

    holder.join()
    assert applied.contended == []
    connection.close()


def test_a_step_that_loses_the_database_is_tried_again(settings):
    settings.LEASE_SECONDS = 1
    retry = {"attempts": 3, "initial": "10ms"}
    version = version_make([step("a", "cut-off", retry=retry)])

    def swept(run: Run) -> bool:
        sweep.leases_expire(datetime.now(UTC))
        return at_rest(run.pk)

    with worker_running():
        run = run_make(version)
        until(lambda: swept(run))

    [only] = StepRun.objects.filter(run=run)
    assert (only.state, only.attempt, only.output) == ("succeeded", 2, 2)
