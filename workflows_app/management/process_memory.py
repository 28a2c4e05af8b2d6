"""The most memory that each process of this machine's installation has held."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

ROLES = ("web", "worker", "scheduler")
SERVERS = {"postgres": "PostgreSQL", "valkey-server": "Valkey", "redis-server": "Valkey"}


def memory_lines(children: Path) -> list[str]:
    """Return a line for each process that `serve` started, such as `worker 143 MB`.

    Args:
        children: the file in which the supervisor writes down who its children are.

    What the system does not tell (outside Linux), or what runs on another machine, has no line.
    """
    lines = []
    for process in _children(children):
        with suppress(psutil.Error):
            family = [process, *process.children(recursive=True)]
            peaks = [peak for one in family if (peak := peak_megabytes(one.pid)) is not None]
            if peaks:
                more = f", the largest of {len(peaks)} processes" if len(peaks) > 1 else ""
                lines.append(f"{_name(process)} {max(peaks):.0f} MB{more}")
    return lines


def peak_megabytes(pid: int) -> float | None:
    """Return the most memory that a living process has held, where the system tells."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) / 1000 if found else None


def _children(path: Path) -> Iterator[psutil.Process]:
    with suppress(OSError, ValueError):
        for pid, began in json.loads(path.read_text()).items():
            with suppress(psutil.Error):
                process = psutil.Process(int(pid))
                if process.create_time() == began:
                    yield process


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    role = next((name for name in ROLES if name in words), None)
    return role or SERVERS.get(process.name(), process.name())
