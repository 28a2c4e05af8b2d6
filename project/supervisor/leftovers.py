"""Clearing up after a supervisor that was killed: only ever with the data folder's lock held."""

import json
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from project.supervisor.errors import CannotStart

PATIENCE = 30.0  # seconds


def postgres_clear(data: Path, sockets: Path) -> None:
    """End a PostgreSQL that lost its supervisor, and remove locks that name nobody.

    Where nobody reaps, a killed server stays as a zombie: its lock files name a process that
    "exists", and PostgreSQL refuses to start. They go once nothing has the data folder open.

    Raises:
        CannotStart: something still uses the data folder.
    """
    lock = data / "postmaster.pid"
    locks = list(sockets.glob(".s.PGSQL.*.lock"))
    if not lock.exists() and not locks:
        return
    deadline = time.monotonic() + PATIENCE
    postmaster_stop(lock, data)
    while users := folder_users(data):
        if time.monotonic() > deadline:
            names = ", ".join(str(process.pid) for process in users)
            raise CannotStart(f"The data folder {data} is in use by other processes ({names}).")
        time.sleep(0.05)
    for path in [lock, *locks]:
        path.unlink(missing_ok=True)


def postmaster_stop(lock: Path, data: Path) -> None:
    """Ask the server that a lock file names to stop, if it is alive and uses this folder."""
    try:
        process = psutil.Process(int(lock.read_text().split()[0]))
    except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
        return
    if uses_folder(process, data):
        process.send_signal(signal.SIGINT)


def folder_users(data: Path) -> list[psutil.Process]:
    """Return the living processes whose working folder is the data folder."""
    return [process for process in psutil.process_iter() if uses_folder(process, data)]


def uses_folder(process: psutil.Process, data: Path) -> bool:
    """Say whether a process is alive and works in a folder."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.cwd() == str(data.resolve())
    except psutil.Error:
        return False


def children_note(path: Path, pids: Iterable[int]) -> None:
    """Write down who our children are: a process id means nothing without when it began."""
    known = {}
    for pid in pids:
        with suppress(psutil.Error):
            known[pid] = psutil.Process(pid).create_time()
    path.write_text(json.dumps(known))


def children_end(path: Path) -> None:
    """End the children of a supervisor that was killed, where the system did not do it."""
    with suppress(OSError, ValueError):
        orphans = []
        for pid, began in json.loads(path.read_text()).items():
            with suppress(psutil.Error):
                process = psutil.Process(int(pid))
                if process.create_time() == began and process.status() != psutil.STATUS_ZOMBIE:
                    process.terminate()
                    orphans.append(process)
        _, alive = psutil.wait_procs(orphans, timeout=PATIENCE)
        for process in alive:
            process.kill()
    path.unlink(missing_ok=True)
