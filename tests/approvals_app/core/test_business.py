from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.business import Hours, business_add, is_open

OFFICE = Hours(zone="Europe/Berlin", days=frozenset(range(1, 6)), opens=time(9), closes=time(17))


def berlin(text):
    """A moment of January 2026, when Berlin is an hour ahead."""
    return datetime.fromisoformat(f"2026-01-{text}:00+01:00").astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("05T10:00", 2, "05T12:00"),
        ("05T16:00", 2, "06T10:00"),  # over night
        ("09T16:00", 2, "12T10:00"),  # over a weekend
        ("10T12:00", 1, "12T10:00"),  # asked on a Saturday
        ("05T03:00", 8, "05T17:00"),  # a whole day
        ("05T10:00", 40, "12T10:00"),  # a whole week
    ],
)
def test_only_open_time_counts(start, hours, end):
    assert business_add(OFFICE, berlin(start), timedelta(hours=hours)) == berlin(end)


def test_holidays_are_closed():
    hours = Hours(
        zone="Europe/Berlin",
        days=OFFICE.days,
        opens=OFFICE.opens,
        closes=OFFICE.closes,
        holidays={date(2026, 1, 6)},
    )

    assert business_add(hours, berlin("05T16:00"), timedelta(hours=2)) == berlin("07T10:00")


def test_the_day_of_the_clock_change_keeps_its_wall_times():
    sundays = Hours(zone="Europe/Berlin", days={7}, opens=time(0, 30), closes=time(4))
    start = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # 00:30, and at 02:00 the clocks go forward

    end = business_add(sundays, start, timedelta(hours=2))

    assert end == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)  # 03:30 in Berlin


def test_what_never_opens_counts_around_the_clock():
    never = Hours(zone="UTC", days=frozenset(), opens=time(9), closes=time(17))
    start = berlin("05T10:00")

    assert business_add(never, start, timedelta(hours=3)) == start + timedelta(hours=3)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 60 * 24 * 20),
    st.integers(1, 60 * 24),
)
def test_more_time_never_ends_earlier(start, minutes, more):
    first = business_add(OFFICE, start, timedelta(minutes=minutes))
    second = business_add(OFFICE, start, timedelta(minutes=minutes + more))

    assert start < first < second
    assert is_open(OFFICE, first - timedelta(seconds=1))
