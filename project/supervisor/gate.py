"""Loading while the servers come up: a role is started early and held until it can work."""

import os

GATE_FD = "COUNTERSIGN_GATE_FD"


class Gate:
    """A pipe whose other end the roles read: it opens by being closed, also by our death."""

    def __init__(self) -> None:
        self.held, self._ours = os.pipe()
        self.is_open = False

    def environment(self) -> dict[str, str]:
        """Return what tells a role to wait; nothing once the gate is open."""
        return {} if self.is_open else {GATE_FD: str(self.held)}

    def open(self) -> None:
        """Let everybody go who waits, and nobody wait any more."""
        if not self.is_open:
            self.is_open = True
            os.close(self._ours)


def gate_pass() -> bool:
    """Wait for the supervisor, if one holds us; say whether it did, and so saw to the database."""
    number = os.environ.pop(GATE_FD, "")
    if not number:
        return False
    os.read(int(number), 1)
    os.close(int(number))
    return True
