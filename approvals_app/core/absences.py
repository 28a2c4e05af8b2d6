"""When nobody of a group would answer: all are away, and so is whoever answers for them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

type Person = int


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """A person is away, and `delegate` answers in their place."""

    starts_at: datetime
    ends_at: datetime
    delegate: Person

    def holds(self, moment: datetime) -> bool:
        """Tell whether the person is away at a moment."""
        return self.starts_at <= moment < self.ends_at


def uncovered(
    people: Collection[Person],
    absences: Mapping[Person, Sequence[Absence]],
    *,
    begins: datetime,
    ends: datetime,
) -> list[tuple[datetime, datetime]]:
    """Give the times between two moments in which none of the people answers, nor a delegate."""
    if not people:
        return [(begins, ends)]
    edges = {begins, ends}
    for found in absences.values():
        for one in found:
            edges |= {at for at in (one.starts_at, one.ends_at) if begins < at < ends}
    gaps: list[tuple[datetime, datetime]] = []
    for start, end in pairwise(sorted(edges)):
        if any(_answers(person, absences, start) for person in people):
            continue
        if gaps and gaps[-1][1] == start:
            gaps[-1] = (gaps[-1][0], end)
        else:
            gaps.append((start, end))
    return gaps


def _answers(
    person: Person, absences: Mapping[Person, Sequence[Absence]], moment: datetime
) -> bool:
    """Tell whether somebody answers in a person's seat: they, or a delegate who is not away."""
    away = [one for one in absences.get(person, ()) if one.holds(moment)]
    if not away:
        return True
    return any(
        not any(other.holds(moment) for other in absences.get(one.delegate, ())) for one in away
    )
