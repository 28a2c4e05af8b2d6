"""How a role tells the supervisor that it is ready: a line on an inherited pipe."""

import os
from contextlib import suppress

READY_FD = "COUNTERSIGN_READY_FD"


def announce() -> None:
    """Say once that this process does its work; without a supervisor, nothing happens."""
    number = os.environ.pop(READY_FD, "")
    if number:
        with suppress(OSError):  # the supervisor may be gone
            os.write(int(number), f"{os.getpid()}\n".encode())
            os.close(int(number))
