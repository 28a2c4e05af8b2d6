"""The one clock for times that are stored: the database's."""

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """Give the database's time, this very moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now
