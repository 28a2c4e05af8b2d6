"""Giving the database connection back before a wait on the outside world."""

from django.db import connection


def connection_release() -> None:
    """Return this thread's connection to the pool, unless a transaction is open on it."""
    if not connection.in_atomic_block:
        connection.close()
