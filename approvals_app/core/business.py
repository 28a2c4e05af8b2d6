"""Business hours: when time to answer counts, in the time zone of those who answer."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FURTHEST = 3_700  # days looked ahead: longer than any deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When people answer: on these days of the week (1 is Monday), from `opens` to `closes`."""

    zone: str
    days: Collection[int]
    opens: time
    closes: time
    holidays: Collection[date] = ()

    def open_on(self, day: date) -> tuple[datetime, datetime] | None:
        """Give the open time of a day in UTC; None where it is closed."""
        if day.isoweekday() not in self.days or day in self.holidays:
            return None
        zone = ZoneInfo(self.zone)
        begins = datetime.combine(day, self.opens, zone).astimezone(UTC)
        ends = datetime.combine(day, self.closes, zone).astimezone(UTC)
        return (begins, ends) if begins < ends else None


def business_add(hours: Hours, start: datetime, span: timedelta) -> datetime:
    """Give the moment at which so much open time has passed since `start`.

    Around a change of the clocks a day is as long as it really is. Where nothing is open within
    ten years the span counts around the clock.
    """
    left = span
    day = start.astimezone(ZoneInfo(hours.zone)).date()
    for _ in range(FURTHEST):
        open_time = hours.open_on(day)
        if open_time is not None:
            begins, ends = max(open_time[0], start), open_time[1]
            if begins < ends:
                if left <= ends - begins:
                    return begins + left
                left -= ends - begins
        day += timedelta(days=1)
    return start + span


def is_open(hours: Hours, moment: datetime) -> bool:
    """Tell whether people answer at a moment."""
    open_time = hours.open_on(moment.astimezone(ZoneInfo(hours.zone)).date())
    return open_time is not None and open_time[0] <= moment < open_time[1]
