"""Times of schedules: zones, summer time, and what was missed."""

from datetime import UTC, datetime

import pytest

from workflows_app.core.schedules import schedule_latest, schedule_next


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "after", "following"),
    [
        ("UTC", "2026-01-05T08:59:59", "2026-01-05T09:00:00"),
        ("UTC", "2026-01-05T09:00:00", "2026-01-06T09:00:00"),
        ("Europe/Tallinn", "2026-01-05T00:00:00", "2026-01-05T07:00:00"),
        ("Europe/Tallinn", "2026-07-05T00:00:00", "2026-07-05T06:00:00"),
        ("America/New_York", "2026-03-07T20:00:00", "2026-03-08T13:00:00"),
    ],
)
def test_nine_in_the_morning_is_nine_where_people_are(zone, after, following):
    assert schedule_next("0 9 * * *", zone, at(after)) == at(following)


def test_a_time_that_the_clocks_skip_comes_after_the_gap_once():
    first = schedule_next("30 3 * * *", "Europe/Tallinn", at("2026-03-28T12:00:00"))
    second = schedule_next("30 3 * * *", "Europe/Tallinn", first)

    assert first == at("2026-03-29T01:00:00")
    assert second == at("2026-03-30T00:30:00")


def test_a_time_that_comes_twice_fires_once():
    first = schedule_next("30 3 * * *", "Europe/Tallinn", at("2026-10-24T12:00:00"))
    second = schedule_next("30 3 * * *", "Europe/Tallinn", first)

    assert first == at("2026-10-25T00:30:00")
    assert second == at("2026-10-26T01:30:00")


def test_the_newest_missed_time_is_the_one_that_is_caught_up():
    due = at("2026-01-05T09:00:00")

    for line, now, latest in [
        ("0 9 * * *", "2026-01-05T09:00:30", "2026-01-05T09:00:00"),
        ("0 9 * * *", "2026-01-20T12:00:00", "2026-01-20T09:00:00"),
        ("* * * * *", "2026-03-20T12:00:30", "2026-03-20T12:00:00"),
        ("0 9 1 1 *", "2029-06-01T00:00:00", "2029-01-01T09:00:00"),
    ]:
        assert schedule_latest(line, "UTC", due=due, now=at(now)) == at(latest)
