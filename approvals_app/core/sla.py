"""What the clock does to a request: hand it on, and in the end close it. It never approves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from approvals_app.core.business import Hours, business_add

SNOOZES = (15, 60, 240, 960)  # minutes

type OnTimeout = Literal["deny", "escalate", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """Who is asked as well, once `after` has passed since the request.

    Args:
        channel: how they are told: mail, chat, or as each of them wants where it is empty.
    """

    after: timedelta
    assignees: tuple[str, ...]
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The times of one request; `rungs` in the order of their `after`."""

    requested_at: datetime
    deadline: timedelta
    on_timeout: OnTimeout = "deny"
    rungs: tuple[Rung, ...] = ()

    @property
    def ends_at(self) -> datetime:
        """Give the moment at which silence closes the request.

        With `escalate` that is never before the ladder has been climbed: where the deadline
        comes first, the last rung has as long to answer as the first people had.
        """
        if self.on_timeout == "escalate" and self.rungs:
            last = self.rungs[-1].after
            if self.deadline <= last:
                return self.requested_at + last + self.deadline
        return self.requested_at + self.deadline

    def due_at(self, climbed: int) -> datetime:
        """Give when the clock acts next; `climbed` is the number of rungs reached."""
        if climbed < len(self.rungs):
            return min(self.requested_at + self.rungs[climbed].after, self.ends_at)
        return self.ends_at

    def in_hours(self, hours: Hours) -> "Schedule":
        """Give the same schedule with its times counted by business hours, told as real ones."""

        def real(span: timedelta) -> timedelta:
            return business_add(hours, self.requested_at, span) - self.requested_at

        rungs = tuple(replace(rung, after=real(rung.after)) for rung in self.rungs)
        ends_at = business_add(hours, self.requested_at, self.ends_at - self.requested_at)
        return replace(self, deadline=ends_at - self.requested_at, rungs=rungs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Nothing is due before `until`."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Climb:
    """This rung (from 0) is due."""

    rung: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Nobody answered in time: `expired` (a denial) or `failed`."""

    outcome: Literal["expired", "failed"]


def due(schedule: Schedule, *, climbed: int, now: datetime) -> Wait | Climb | Close:
    """Give what the clock asks for at `now`: the end first, then the next rung."""
    if now >= schedule.ends_at:
        return Close(outcome="failed" if schedule.on_timeout == "fail" else "expired")
    if now >= schedule.due_at(climbed):
        return Climb(rung=climbed)
    return Wait(until=schedule.due_at(climbed))


def share_left(*, opened_at: datetime, due_at: datetime, now: datetime) -> float:
    """Give how much of the time is left, from 1.0 down to 0.0."""
    whole = (due_at - opened_at) / timedelta(seconds=1)
    if whole <= 0:
        return 0.0
    return max(0.0, min(1.0, ((due_at - now) / timedelta(seconds=1)) / whole))


def ladder_is_ordered(afters: Sequence[timedelta]) -> bool:
    """Tell whether each rung comes later than the one before it."""
    return all(first < second for first, second in pairwise(afters))


def snooze_choices_left(left: timedelta) -> list[int]:
    """Give for how many minutes a request may be looked away from: never past its deadline."""
    return [minutes for minutes in SNOOZES if timedelta(minutes=minutes) < left]
