from datetime import datetime, timedelta

import pytest

from approvals_app.core.quiet import quiet_until, send_at, wants

NIGHT = {"quiet_from": "22:00", "quiet_to": "07:00", "zone": "Europe/Berlin"}


def utc(text):
    return datetime.fromisoformat(f"2026-01-{text}:00+00:00")


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("05T20:59", None),
        ("05T21:00", "06T06:00"),  # 22:00 in Berlin
        ("06T03:00", "06T06:00"),
        ("06T06:00", None),
    ],
)
def test_quiet_hours_may_span_midnight_in_a_persons_own_zone(now, until):
    assert quiet_until(NIGHT, utc(now)) == (utc(until) if until else None)


def test_quiet_hours_within_a_day():
    noon = {"quiet_from": "12:00", "quiet_to": "13:30"}

    assert quiet_until(noon, utc("05T12:10")) == utc("05T13:30")
    assert quiet_until(noon, utc("05T13:30")) is None


@pytest.mark.parametrize(
    "preferences",
    [{}, {"quiet_from": "22:00"}, {"quiet_from": "x", "quiet_to": "y"}, {**NIGHT, "zone": "no"}],
)
def test_settings_that_make_no_sense_never_silence_for_good(preferences):
    until = quiet_until(preferences, utc("05T12:00"))

    assert until is None


def test_a_deadline_within_the_quiet_hours_is_told_at_once():
    now = utc("05T23:00")

    assert send_at(NIGHT, now=now, deadline=now + timedelta(hours=1)) == now
    assert send_at(NIGHT, now=now, deadline=now + timedelta(days=1)) == utc("06T06:00")


def test_people_are_told_unless_they_said_otherwise():
    assert wants({}, "mail")
    assert wants({"mail": ""}, "mail")
    assert not wants({"mail": False}, "mail")
    assert not wants({"chat": "off"}, "chat")
