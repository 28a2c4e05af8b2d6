"""Giving the database connection back before a wait on the outside world."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


def connection_release() -> None:
    """Return this thread's connection to the pool, unless a transaction is open on it."""
    if not connection.in_atomic_block:
        connection.close()


@contextmanager
def connection_as_before() -> Iterator[None]:
    """Give back a connection that was taken inside, and keep one that was there already.

    A step that is known to be short keeps its connection; any other came here without one.
    """
    was_open = connection.connection is not None
    try:
        yield
    finally:
        if not was_open:
            connection_release()
