"""Sealing finds every committed record once, in order, and proves it."""

from itertools import pairwise
from threading import Barrier, Event, Thread

import psycopg
import pytest
from django.db import InternalError, ProgrammingError, connection, transaction
from django.utils import timezone

from tests.evidence.rows import (
    app_event_make,
    event_make,
    events_make,
    run_make,
    version_make,
)
from workflows_app.evidence.models import Chain, Seal, SealCursor
from workflows_app.evidence.services import seal
from workflows_app.evidence.services.seal import seal_drain, seal_now, seal_sweep
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.models import AppEvent, RunEvent, Workspace


def database():
    """Give a connection of its own, beside the pool."""
    wanted = ("host", "port", "dbname", "user", "password")
    parameters = connection.get_connection_params()
    return psycopg.connect(**{name: parameters[name] for name in wanted if name in parameters})


def test_records_of_runs_and_of_the_workspace_share_one_chain(workspace, run):
    events_make(run, 3)
    app_event_make(workspace)

    assert seal_now() == 4

    seals = list(Seal.objects.order_by("position"))
    assert [one.position for one in seals] == [1, 2, 3, 4]
    assert bytes(seals[0].previous) == bytes(32)
    assert all(bytes(b.previous) == bytes(a.hash) for a, b in pairwise(seals))
    assert bytes(Chain.objects.get().hash) == bytes(seals[-1].hash)
    verdict = chain_verify(workspace=workspace.pk)
    assert (verdict.is_valid, verdict.checked, verdict.position) == (True, 4, 4)


def test_a_record_is_sealed_once(run):
    events_make(run, 2)

    assert [seal_now(), seal_now(), seal_drain()] == [2, 0, 0]


def test_each_workspace_has_its_own_chain(workspace, run):
    other = Workspace.objects.create(slug="other", name="Other")
    theirs = run_make(version_make(other))
    events_make(run, 2)
    events_make(theirs, 3)

    seal_now()

    assert {chain.workspace.slug: chain.position for chain in Chain.objects.all()} == {
        "main": 2,
        "other": 3,
    }


def test_a_record_without_a_workspace_is_sealed_in_the_default_one(workspace):
    Workspace.objects.filter(pk=workspace.pk).update(is_default=False)
    app_event_make(None, type="signin.failed")

    assert seal_now() == 0

    Workspace.objects.filter(pk=workspace.pk).update(is_default=True)
    assert seal_now() == 1
    assert Seal.objects.get().chain.workspace == workspace


def test_a_backlog_is_sealed_in_batches_in_the_order_of_each_run(workspace, version, monkeypatch):
    monkeypatch.setattr(seal, "BATCH", 10)
    monkeypatch.setattr(seal, "SLICE", 4)
    runs = [run_make(version) for _ in range(3)]
    for n in range(1, 16):
        for one in runs:
            event_make(one, n)

    while seal_now():
        pass

    rows = Seal.objects.order_by("position").values_list("run_event__run", "run_event__sequence")
    for one in runs:
        assert [n for key, n in rows if key == one.pk] == list(range(1, 16))
    assert chain_verify(workspace=workspace.pk).checked == 45


def test_a_database_restored_into_another_server_is_looked_at_again(workspace, run):
    """Its transactions are numbered anew, from lower down than the cursor."""
    events_make(run, 2)
    seal_now()
    SealCursor.objects.update(transaction=2**60)
    events_make(run, 2, start=3)

    assert seal_now() == 2
    assert chain_verify(workspace=workspace.pk).checked == 4


def test_data_that_has_no_canonical_form_does_not_stop_the_chain(workspace, run):
    event_make(run, 1, data={"n": 2**60})

    assert seal_now() == 1
    assert chain_verify(workspace=workspace.pk).is_valid


@pytest.mark.django_db(transaction=True)
def test_writers_that_commit_out_of_order_lose_nothing(workspace, run):
    """Ids are taken before commit: a reader "beyond the last id" loses about half of these."""
    writers, each = 8, 40
    runs = [run_make(run.version) for _ in range(writers)]
    start, stop = Barrier(writers, timeout=20), Event()

    def write(own):
        with database() as writer:
            start.wait()
            for n in range(1, each + 1):
                with writer.transaction():
                    writer.execute(
                        """INSERT INTO workflows_app_runevent (run_id, sequence, at, type, path,
                               from_state, to_state, trigger, actor, why)
                           VALUES (%s, %s, now(), 'step.ready', '', '', '', '', 'engine', '')""",
                        [own.pk, n],
                    )  # others that begin now take later ids, and may commit before
                    writer.execute("SELECT pg_sleep(random() * 0.004)")

    def sweep():
        try:
            while not stop.wait(0.001):
                seal_drain()
        finally:
            connection.close()

    threads = [Thread(target=write, args=(own,)) for own in runs]
    sealer = Thread(target=sweep)
    for thread in (*threads, sealer):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    sealer.join()
    seal_now()

    assert Seal.objects.count() == writers * each
    assert chain_verify(workspace=workspace.pk).checked == writers * each
    for own in runs:
        found = Seal.objects.filter(run_event__run=own).order_by("position")
        assert list(found.values_list("run_event__sequence", flat=True)) == list(range(1, each + 1))


@pytest.mark.django_db(transaction=True)
def test_a_transaction_that_stays_open_is_sealed_when_it_commits(workspace, run):
    opened, go_on = Barrier(2, timeout=20), Barrier(2, timeout=20)

    def linger():
        try:
            with transaction.atomic():
                event_make(run_make(run.version), 1, "run.queued")
                opened.wait()
                go_on.wait()
        finally:
            connection.close()

    thread = Thread(target=linger)
    thread.start()
    opened.wait()
    events_make(run, 3)
    assert seal_now() == 3
    go_on.wait()
    thread.join()

    assert seal_now() == 1
    assert chain_verify(workspace=workspace.pk).checked == 4


@pytest.mark.django_db(transaction=True)
def test_a_sweep_leaves_the_work_to_the_sealer_that_is_at_it(workspace, run):
    events_make(run, 1)
    held, let_go = Barrier(2, timeout=20), Barrier(2, timeout=20)

    def seal_slowly():
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [seal.LOCK])
                held.wait()
                let_go.wait()
        finally:
            connection.close()

    thread = Thread(target=seal_slowly)
    thread.start()
    held.wait()
    assert seal_drain() == 0
    let_go.wait()
    thread.join()

    assert seal_drain() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sweep_seals_beside_the_others(run):
    events_make(run, 3)

    seal_sweep(timezone.now())
    seal._beside["thread"].join()

    assert Seal.objects.count() == 3
    assert seal_sweep(timezone.now()) == 3
    seal._beside["thread"].join()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE workflows_app_runevent SET why = 'no'",
        "DELETE FROM workflows_app_runevent",
        "TRUNCATE workflows_app_runevent CASCADE",
        "UPDATE workflows_app_appevent SET why = 'no'",
        "DELETE FROM workflows_app_appevent",
        "UPDATE evidence_seal SET position = position + 1",
        "DELETE FROM evidence_seal",
        "TRUNCATE evidence_seal",
    ],
)
def test_the_database_refuses_to_change_the_record(workspace, run, sql):
    events_make(run, 2)
    app_event_make(workspace)
    seal_now()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with (
        pytest.raises((InternalError, ProgrammingError), match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql)

    assert (RunEvent.objects.count(), AppEvent.objects.count(), Seal.objects.count()) == (2, 1, 3)
