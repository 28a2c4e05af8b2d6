from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.sla import (
    Climb,
    Close,
    Rung,
    Schedule,
    Wait,
    due,
    ladder_is_ordered,
    share_left,
)

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
DURATIONS = st.integers(1, 10_000).map(lambda seconds: timedelta(seconds=seconds))
SCHEDULES = st.builds(
    lambda deadline, on_timeout, afters: Schedule(
        requested_at=NOW,
        deadline=deadline,
        on_timeout=on_timeout,
        rungs=tuple(Rung(after=after, assignees=("user:lea",)) for after in sorted(afters)),
    ),
    DURATIONS,
    st.sampled_from(["deny", "escalate", "fail"]),
    st.sets(DURATIONS, max_size=4),
)


@given(SCHEDULES, st.integers(0, 30_000))
def test_the_clock_only_waits_climbs_or_closes(schedule, seconds):
    now, climbed = NOW + timedelta(seconds=seconds), 0

    step = due(schedule, climbed=climbed, now=now)
    while isinstance(step, Climb):
        assert step.rung == climbed
        climbed += 1
        step = due(schedule, climbed=climbed, now=now)

    assert isinstance(step, Wait | Close)
    assert isinstance(step, Close) == (now >= schedule.ends_at)
    if isinstance(step, Wait):
        assert step.until > now


@given(SCHEDULES)
def test_an_escalated_request_outlives_its_whole_ladder(schedule):
    if schedule.on_timeout == "escalate" and schedule.rungs:
        assert schedule.ends_at > schedule.requested_at + schedule.rungs[-1].after
    else:
        assert schedule.ends_at == schedule.requested_at + schedule.deadline


def test_silence_denies_or_fails_at_the_deadline_and_not_before():
    for on_timeout, outcome in (("deny", "expired"), ("escalate", "expired"), ("fail", "failed")):
        schedule = Schedule(requested_at=NOW, deadline=timedelta(minutes=5), on_timeout=on_timeout)

        before = due(schedule, climbed=0, now=NOW + timedelta(minutes=5, microseconds=-1))
        after = due(schedule, climbed=0, now=NOW + timedelta(minutes=5))

        assert before == Wait(until=NOW + timedelta(minutes=5))
        assert after == Close(outcome=outcome)


def test_each_rung_counts_from_the_request():
    schedule = Schedule(
        requested_at=NOW,
        deadline=timedelta(hours=3),
        on_timeout="escalate",
        rungs=(
            Rung(after=timedelta(hours=1), assignees=("group:leads",)),
            Rung(after=timedelta(hours=2), assignees=("group:heads",)),
        ),
    )

    assert due(schedule, climbed=0, now=NOW + timedelta(minutes=59)) == Wait(
        until=NOW + timedelta(hours=1)
    )
    assert due(schedule, climbed=0, now=NOW + timedelta(hours=1)) == Climb(rung=0)
    assert due(schedule, climbed=1, now=NOW + timedelta(hours=2)) == Climb(rung=1)
    assert due(schedule, climbed=2, now=NOW + timedelta(hours=2)) == Wait(
        until=NOW + timedelta(hours=3)
    )


def test_a_deadline_before_the_ladder_gives_its_last_rung_the_same_time():
    schedule = Schedule(
        requested_at=NOW,
        deadline=timedelta(hours=1),
        on_timeout="escalate",
        rungs=(Rung(after=timedelta(hours=1), assignees=("group:leads",)),),
    )

    assert schedule.ends_at == NOW + timedelta(hours=2)


def test_share_left_runs_from_one_to_zero():
    end = NOW + timedelta(minutes=10)

    assert share_left(opened_at=NOW, due_at=end, now=NOW) == 1.0
    assert share_left(opened_at=NOW, due_at=end, now=NOW + timedelta(minutes=5)) == 0.5
    assert share_left(opened_at=NOW, due_at=end, now=end + timedelta(days=1)) == 0.0
    assert share_left(opened_at=NOW, due_at=NOW, now=NOW) == 0.0


def test_a_ladder_must_rise():
    assert ladder_is_ordered([timedelta(1), timedelta(2)])
    assert not ladder_is_ordered([timedelta(2), timedelta(2)])
