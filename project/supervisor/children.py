"""Child processes that do not outlive their parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1


def child_start(
    command: Sequence[str | Path],
    *,
    death_signal: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
    log: IO[bytes] | None = None,
    output: int | None = None,
    keep: Sequence[int] = (),
) -> subprocess.Popen:
    """Start a process in a session of its own, so that Ctrl-C reaches only the supervisor.

    Args:
        death_signal: what it gets when the supervisor dies, on Linux.
        environment: added to ours.
        log: where both its outputs go; ours by default.
        output: where only its standard output goes, `subprocess.PIPE` for instance.
        keep: file descriptors that it inherits.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=log or output,
        stderr=subprocess.STDOUT if log else None,
        env={**os.environ, **(environment or {})},
        pass_fds=tuple(keep),
        start_new_session=True,
        preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 the supervisor has one thread
    )


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return arrange


def child_stop(
    process: subprocess.Popen, *, how: signal.Signals = signal.SIGTERM, seconds: float = 10
) -> None:
    """Ask a process to end, and kill it with its whole session when it does not."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        child_kill(process)


def child_kill(process: subprocess.Popen) -> None:
    """End a process and everything it started, at once."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
