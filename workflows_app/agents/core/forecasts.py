"""How far a day or a month has gone. Pure."""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Literal


def window_share(per: Literal["run", "day", "month"], now: datetime) -> float:
    """Give which part of the day or the month (UTC) is over, from 0 to 1."""
    at = now.astimezone(UTC)
    day = (at.hour * 3600 + at.minute * 60 + at.second) / 86_400
    if per == "day":
        return day
    return (at.day - 1 + day) / monthrange(at.year, at.month)[1]
