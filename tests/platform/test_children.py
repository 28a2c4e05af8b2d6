"""Children: restarted ever later, ended with their parent, heard when they are ready."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from project.supervisor import child as child_module
from project.supervisor.announce import READY_FD
from project.supervisor.child import Child, read_pids
from project.supervisor.children import child_kill, child_start, child_stop
from project.supervisor.leftovers import children_end, children_note

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)"
)


def test_what_keeps_ending_is_started_again_ever_later(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(child_module.time, "monotonic", lambda: now)
    child = Child(name="x", start=lambda: subprocess.Popen(["false"]))
    delays = []

    for _ in range(8):
        child.launch()
        child.process.wait()
        assert child.has_ended()
        delays.append(round(child.due_at - now, 2))

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert child.outcome() == "ended with code 1"


def test_what_ran_long_starts_afresh(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(child_module.time, "monotonic", lambda: now)
    child = Child(name="x", start=lambda: subprocess.Popen(["false"]), failures=6)
    child.launch()
    child.process.wait()

    now += 31
    child.has_ended()

    assert round(child.due_at - now, 2) == 0.2


def test_who_does_not_stop_is_killed():
    stubborn = child_start([sys.executable, "-c", STUBBORN], output=subprocess.PIPE)
    with stubborn.stdout:
        stubborn.stdout.readline()

        child_stop(stubborn, seconds=0.1)

    assert stubborn.returncode == -signal.SIGKILL


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a Linux promise")
def test_a_child_ends_with_its_parent():
    code = (
        "import sys; from project.supervisor.children import child_start;"
        f"child = child_start({SLEEP!r}); print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    with parent.stdin, parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))

        parent.kill()
        parent.wait()

    _, alive = psutil.wait_procs([child], timeout=5)
    assert alive == []


def test_who_is_ready_says_so_with_its_process_id():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    assert read_pids(reading) == set()

    said = child_start(
        [sys.executable, "-c", "from project.supervisor.announce import announce; announce()"],
        environment={READY_FD: str(writing), "PYTHONPATH": str(Path(__file__).parents[2])},
        keep=[writing],
    )
    said.wait(20)
    pids = read_pids(reading)

    os.close(reading)
    os.close(writing)
    assert pids == {said.pid}


def test_killing_takes_the_grandchildren_too():
    code = f"import subprocess; p = subprocess.Popen({SLEEP!r}); print(p.pid, flush=True); p.wait()"
    family = child_start([sys.executable, "-c", code], output=subprocess.PIPE)
    with family.stdout:
        grandchild = psutil.Process(int(family.stdout.readline()))

    child_kill(family)

    _, alive = psutil.wait_procs([grandchild], timeout=5)
    assert [p for p in alive if p.status() != psutil.STATUS_ZOMBIE] == []


def test_children_that_outlived_their_supervisor_are_ended_and_strangers_are_not(tmp_path):
    orphan, stranger = child_start(SLEEP), child_start(SLEEP)
    note = tmp_path / "children.json"
    children_note(note, [orphan.pid])
    known = json.loads(note.read_text())
    known[stranger.pid] = 1.0  # the same number, begun at another time
    note.write_text(json.dumps(known))

    children_end(note)

    orphan.wait(5)
    assert not psutil.pid_exists(orphan.pid)
    assert stranger.poll() is None
    assert not note.exists()
    child_kill(stranger)
