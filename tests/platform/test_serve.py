"""`manage.py serve` from the first start to the last."""

import json
import shutil
import signal
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.platform.installation import Installation, home_prepared


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="countersign-", dir="/tmp")) / "home"
    yield folder
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture
def installation(home: Path) -> Iterator[Installation]:
    made = Installation(home)
    yield made
    if made.process and made.process.poll() is None:
        made.stop(signal.SIGKILL)


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


@pytest.mark.slow
def test_an_empty_home_becomes_a_running_product_and_ctrl_c_leaves_nothing(installation):
    first = installation.start()
    status, body = get(f"{installation.address}/ready")
    links = [line for line in installation.lines if "Sign in as" in line]
    code = installation.stop()
    again = installation.start()
    later_links = [line for line in installation.lines if "Sign in as" in line]
    installation.stop(signal.SIGTERM)

    assert (status, json.loads(body)["broker"]) == (200, "ok")
    assert [line.split()[3] for line in links] == ["owner:", "reviewer:"]
    assert code == 0
    # Nobody has used them: each is told again, at the present address.
    assert [link.rpartition("/sign-in/")[2] for link in later_links] == [
        link.rpartition("/sign-in/")[2] for link in links
    ]
    assert first < 60
    assert again < first
    assert list((installation.home / "run").iterdir()) == []


@pytest.mark.slow
def test_a_killed_child_is_started_again_and_a_killed_supervisor_takes_all_with_it(installation):
    home_prepared(installation.home)
    installation.start()
    family = installation.family()
    worker, postgres = installation.role("worker"), installation.server("postgres")

    worker.kill()
    postgres.kill()
    status = wait_for_ready(installation.address)
    replaced = installation.role("worker").pid
    family += installation.family()
    installation.process.kill()
    installation.process.wait(10)
    _, alive = psutil.wait_procs(family, timeout=20)

    assert status == 200
    assert replaced != worker.pid
    assert alive == []
    installation.start()
    assert installation.stop() == 0


def wait_for_ready(address: str) -> int:
    status = 0
    for _ in range(200):
        try:
            status, _ = get(f"{address}/ready")
        except OSError:
            continue
        if status == 200:
            break
        signal.sigtimedwait([], 0.1)
    return status


def test_a_taken_port_is_one_sentence(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        said = Installation(home, PORT=str(port)).refused()

    assert said == (
        f"Countersign cannot start. Port {port} of 127.0.0.1 is taken by another program: "
        f"stop it, or choose another one with PORT={port + 1}.\n"
    )
    assert not (home / "db").exists()


def test_a_home_that_cannot_be_written_is_one_sentence(home):
    home.parent.joinpath("file").touch()

    said = Installation(home.parent / "file" / "home").refused()

    assert said.startswith("Countersign cannot start. The data folder ")
    assert "cannot be written (Not a directory): set COUNTERSIGN_HOME" in said
    assert said.count("\n") == 1


def test_a_database_of_another_version_is_one_sentence_and_stays_as_it_is(home):
    (home / "db").mkdir(parents=True)
    (home / "db" / "PG_VERSION").write_text("17\n")

    said = Installation(home).refused()

    assert "was made by PostgreSQL 17 and this release uses PostgreSQL 18" in said
    assert said.count("\n") == 1
    assert [path.name for path in (home / "db").iterdir()] == ["PG_VERSION"]


def test_a_wrong_setting_is_one_sentence(home):
    said = Installation(home, WORKERS="many").refused()

    assert said == "Countersign cannot start. WORKERS must be a whole number from 1, not 'many'.\n"


def test_a_second_supervisor_on_one_home_is_refused(home):
    from project.supervisor.home import Home

    holder = Home(home)
    holder.prepare()
    with holder.held():
        said = Installation(home).refused()

    assert f"The data folder {home} is in use by process " in said
