"""A process's memory: what loading makes stays, and its threads share what they need later."""

import ctypes
import gc
import os

M_ARENA_MAX = -8  # of glibc's mallopt
ARENAS = 2


def collector_start() -> None:
    """Collect from here on, and leave alone what was loaded: it stays as long as the process."""
    gc.freeze()
    gc.enable()


def arenas_share() -> None:
    """Let all threads share two heaps, unless the operator says otherwise.

    glibc gives each thread a heap of its own and keeps what each once needed: for 32 slots that
    is memory which nobody uses and no other thread gets.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc only
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(M_ARENA_MAX, ARENAS)
