"""By which channels a person is told, and when they are left alone."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

JSON = Any
CHANNELS = ("mail", "chat")
OFF = (False, "off")


def wants(preferences: Mapping[str, JSON], channel: str) -> bool:
    """Tell whether a person is told by a channel; they are unless they said otherwise."""
    return preferences.get(channel, True) not in OFF


def quiet_until(preferences: Mapping[str, JSON], now: datetime) -> datetime | None:
    """Give when a person's quiet hours end; None where it is none of them now.

    `quiet_from` and `quiet_to` are times of day in the person's `zone`; they may span midnight.
    """
    begins, ends = _time(preferences.get("quiet_from")), _time(preferences.get("quiet_to"))
    if begins is None or ends is None or begins == ends:
        return None
    zone = _zone(preferences.get("zone"))
    here = now.astimezone(zone)
    at = here.time()
    is_quiet = begins <= at < ends if begins < ends else at >= begins or at < ends
    if not is_quiet:
        return None
    day = here.date() if at < ends else here.date() + timedelta(days=1)
    return datetime.combine(day, ends, zone).astimezone(UTC)


def send_at(preferences: Mapping[str, JSON], *, now: datetime, deadline: datetime) -> datetime:
    """Give when to tell a person: after their quiet hours, but never after the deadline."""
    until = quiet_until(preferences, now)
    return until if until is not None and until < deadline else now


def _time(value: JSON) -> time | None:
    try:
        return time.fromisoformat(value) if isinstance(value, str) and value else None
    except ValueError:
        return None


def _zone(value: JSON) -> ZoneInfo:
    try:
        return ZoneInfo(value) if isinstance(value, str) and value else ZoneInfo("UTC")
    except (KeyError, ValueError, OSError):
        return ZoneInfo("UTC")
