"""One watched process: started, started again after it ends, ever later if it keeps ending."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_DELAY, LONGEST_DELAY = 0.2, 10.0  # seconds
SETTLED = 30.0  # seconds; who ran that long starts afresh


@dataclass(kw_only=True)
class Child:
    """A role or server, and what became of it."""

    name: str
    start: Callable[[], subprocess.Popen]
    process: subprocess.Popen | None = None
    is_ready: bool = False
    failures: int = 0
    started_at: float = field(default=0.0)
    due_at: float = field(default=0.0)  # when to start it again; 0 while it runs

    def launch(self) -> None:
        """Start it now."""
        self.process = self.start()
        self.started_at, self.due_at, self.is_ready = time.monotonic(), 0.0, False

    def has_ended(self) -> bool:
        """Say whether it ran and has ended since the last look; plans the next start."""
        if self.process is None or self.process.poll() is None:
            return False
        if time.monotonic() - self.started_at > SETTLED:
            self.failures = 0
        self.due_at = time.monotonic() + min(FIRST_DELAY * 2**self.failures, LONGEST_DELAY)
        self.failures += 1
        return True

    def outcome(self) -> str:
        """Return how it ended, in words."""
        code = self.process.returncode if self.process else 0
        return f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"


def read_pids(pipe: int) -> set[int]:
    """Return the process ids that announced themselves on a non-blocking pipe."""
    try:
        return {int(line) for line in os.read(pipe, 65536).split()}
    except BlockingIOError:
        return set()
