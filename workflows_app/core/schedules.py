"""The times of a schedule: a cron line in a time zone, true to summer time. Pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

_LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366))


def schedule_next(line: str, zone: str, after: datetime) -> datetime | None:
    """Give the first time after `after`, in UTC; None where there is none any more.

    A time that the clocks skip is taken right after the gap, one that comes twice only once.
    """
    local = after.astimezone(ZoneInfo(zone))
    found = next(CronSim(line, local), None)
    while found is not None and found.astimezone(UTC) <= after:
        local = local + timedelta(minutes=1)
        found = next(CronSim(line, local), None)
    return None if found is None else found.astimezone(UTC)


def schedule_latest(line: str, zone: str, *, due: datetime, now: datetime) -> datetime:
    """Give the newest time from `due` to `now`: what was missed between is not caught up.

    Args:
        due: a time of the schedule that has come.
    """
    latest = due
    for span in _LOOK_BACK:
        if now - span <= due:
            break
        recent = schedule_next(line, zone, now - span)
        if recent is not None and recent <= now:
            latest = recent
            break
    following = schedule_next(line, zone, latest)
    while following is not None and following <= now:
        latest, following = following, schedule_next(line, zone, following)
    return latest
