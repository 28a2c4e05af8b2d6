"""The time in the database, for queries."""

from django.db.models import DateTimeField, Func


class DatabaseClock(Func):
    """The time in the database, not that of the transaction's start."""

    function = "clock_timestamp"
    output_field = DateTimeField()
