from datetime import UTC, datetime, timedelta

from approvals_app.core.absences import Absence, uncovered

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ANNA, BEN, CARL = 1, 2, 3


def day(number):
    return NOW + timedelta(days=number)


def away(start, end, delegate):
    return [Absence(starts_at=day(start), ends_at=day(end), delegate=delegate)]


def gaps(people, absences):
    return uncovered(people, absences, begins=NOW, ends=day(14))


def test_a_group_of_nobody_is_one_gap():
    assert gaps([], {}) == [(NOW, day(14))]


def test_somebody_who_is_here_is_enough():
    assert gaps([ANNA, BEN], {ANNA: away(1, 3, CARL)}) == []


def test_a_delegate_who_is_here_closes_the_gap():
    assert gaps([ANNA], {ANNA: away(1, 3, CARL)}) == []


def test_a_delegate_who_is_away_as_well_opens_it_for_that_time():
    absences = {ANNA: away(1, 5, CARL), CARL: away(3, 9, BEN)}

    assert gaps([ANNA], absences) == [(day(3), day(5))]


def test_two_who_cover_for_each_other_leave_a_gap():
    absences = {ANNA: away(1, 4, BEN), BEN: away(2, 6, ANNA)}

    assert gaps([ANNA, BEN], absences) == [(day(2), day(4))]


def test_only_the_next_days_count():
    assert gaps([ANNA], {ANNA: away(-3, 1, BEN), BEN: away(-9, 30, ANNA)}) == [(NOW, day(1))]
