"""How soon the threads of a process change over."""

import sys

# Seconds that one thread may keep the others waiting: a step or a request passes through several
# in a few milliseconds, and Python's own five would be most of its time.
SWITCH = 0.0005


def threads_change_over() -> None:
    """Let no thread keep the others waiting for long."""
    sys.setswitchinterval(SWITCH)
