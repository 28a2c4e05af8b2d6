"""The embedded servers: stale locks, long paths, accounts, fall-backs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from project.environment import socket_folder
from project.supervisor import binaries
from project.supervisor.account import AS_NOBODY, NOBODY, Account, _works
from project.supervisor.children import child_stop
from project.supervisor.errors import CannotStart
from project.supervisor.home import Home
from project.supervisor.postgres import Postgres
from tests.conftest import FAST, served


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def postgres(folder: Path) -> Postgres:
    return Postgres(data=folder / "db", sockets=folder, log=folder / "log", settings=FAST)


def test_locks_that_name_a_zombie_are_removed(folder):
    server = postgres(folder)
    with served(server):
        pass
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)  # ended, and not reaped
    (folder / "db" / "postmaster.pid").write_text(f"{zombie.pid}\n{folder / 'db'}\n")
    (folder / ".s.PGSQL.5432.lock").write_text(f"{zombie.pid}\n{folder / 'db'}\n")

    with served(server), psycopg.connect(server.url) as connection:
        answer = connection.execute("SELECT 1").fetchone()

    zombie.wait()
    assert answer == (1,)


def test_a_server_that_lost_its_supervisor_is_stopped_first(folder):
    server = postgres(folder)
    server.prepare()
    orphan = server.start()
    server.ready(orphan)

    server.prepare()  # what a new supervisor does

    assert orphan.wait(10) == 0
    assert not (folder / "db" / "postmaster.pid").exists()


def test_durable_unless_told_otherwise(folder):
    server = Postgres(data=folder / "db", sockets=folder, log=folder / "log")
    with served(server), psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN "
            "('fsync', 'synchronous_commit', 'full_page_writes', 'max_connections')"
        ).fetchall()

    assert dict(rows) == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "100",
    }


@pytest.mark.skipif(
    os.geteuid() != 0 or not _works(AS_NOBODY), reason="only root can become nobody"
)
def test_root_without_user_namespaces_runs_it_as_nobody_behind_a_closed_folder(folder, monkeypatch):
    account = Account(AS_NOBODY, NOBODY)
    monkeypatch.setattr("project.supervisor.postgres.account_find", lambda: account)
    server = postgres(folder)

    with served(server), psycopg.connect(server.url) as connection:
        answer = connection.execute("SELECT 1").fetchone()

    assert answer == (1,)
    assert (folder / "db").stat().st_uid == NOBODY
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_long_path_gets_a_short_private_folder_for_its_sockets(folder):
    home = folder.joinpath(*["a-long-name"] * 12)

    made = Home(home)
    made.prepare()

    assert len(str(made.sockets)) < 60
    assert made.sockets == socket_folder(home)
    assert made.sockets.stat().st_mode & 0o777 == 0o700
    made.sockets.rmdir()


def test_a_socket_folder_that_others_can_enter_is_refused(folder):
    made = Home(folder / "home")
    made.prepare()
    made.sockets.chmod(0o755)

    with pytest.raises(CannotStart, match="must be a private folder of yours"):
        made.prepare()


def test_without_a_wheel_the_programs_on_the_path_are_used(folder, monkeypatch):
    real = binaries.postgres_programs()
    for name in ("initdb", "postgres"):
        (folder / name).symlink_to(real / name)
    monkeypatch.setattr(binaries, "package_folder", lambda name: Path("/nonexistent"))
    monkeypatch.setattr(binaries.shutil, "which", lambda name: str(folder / name))

    assert binaries.postgres_programs() == real


def test_without_any_program_the_sentence_names_the_setting(monkeypatch):
    monkeypatch.setattr(binaries, "package_folder", lambda name: Path("/nonexistent"))
    monkeypatch.setattr(binaries, "DEBIAN_POSTGRES", Path("/nonexistent"))
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)

    with pytest.raises(CannotStart, match="set DATABASE_URL"):
        binaries.postgres_programs()
    with pytest.raises(CannotStart, match="set BROKER_URL"):
        binaries.valkey_program()


def test_a_server_that_cannot_start_says_where_to_read_why(folder):
    server = Postgres(
        data=folder / "db", sockets=folder, log=folder / "log", settings={"fsync": "perhaps"}
    )
    server.prepare()
    process = server.start()

    with pytest.raises(CannotStart, match=r"PostgreSQL did not start: .*fsync"):
        server.ready(process)

    child_stop(process)
