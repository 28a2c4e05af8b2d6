"""What a worker knows of its slots and of the work that waits, under one lock."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from workflows_app.services.batch import Claim

LANES = 2  # threads that carry out short steps: one computes while the other's commit goes on


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a lane found to do."""

    is_wanted: bool  # there may be ready steps that nobody has looked for
    hinted: list[UUID]  # runs whose inboxes may hold something
    new: list[UUID]  # runs that may not have begun
    surplus: list[Claim]  # short steps that were claimed in somebody's commit


@dataclass(slots=True)
class Board:
    """Free slots, lanes at work, and what they are asked to look for."""

    slots: int
    free: int = 0
    is_stopping: bool = False
    _lanes: int = 0
    _has_backlog: bool = False
    _is_wanted: bool = False
    _hinted: set[UUID] = field(default_factory=set)
    _new: set[UUID] = field(default_factory=set)
    _surplus: list[Claim] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.free = self.slots

    @property
    def is_idle(self) -> bool:
        return self.free >= self.slots

    # Slots

    def take(self, wanted: int) -> int:
        """Take up to so many slots; what finds none is looked for once there is one."""
        with self._lock:
            count = 0 if self.is_stopping else min(wanted, self.free)
            self.free -= count
            if count < wanted:
                self._has_backlog = True
            return count

    def give(self, count: int) -> bool:
        """Give slots back; True when there is work that found none before."""
        with self._lock:
            self.free += count
            looks = self._has_backlog and not self.is_stopping
            self._has_backlog = self._has_backlog and not looks
            return looks

    # Lanes

    def want(self, run_ids: Sequence[UUID], *, are_new: bool = False) -> tuple[bool, list[UUID]]:
        """Note that there is work: in these runs, or somewhere.

        Tells whether the caller is to be a lane, which has taken a slot for it, and gives the runs
        that another worker had better be told of, because there is no slot here.
        """
        with self._lock:
            (self._new if are_new else self._hinted).update(run_ids)
            self._is_wanted |= not (run_ids and are_new)
            if self.is_stopping or self._lanes >= LANES:
                return False, []
            if self.free <= 0:
                self._has_backlog = True
                return False, [*self._hinted, *self._new]
            self.free -= 1
            self._lanes += 1
            return True, []

    def look_on(self) -> bool:
        """Note that there may be more than one lane takes; True when another may begin."""
        with self._lock:
            self._is_wanted = True
            self._has_backlog |= self.free <= 0
            return self._lanes < LANES and self.free > 0

    def pass_on(self, claims: Iterable[Claim]) -> None:
        """Leave short steps, claimed already, to the lanes."""
        with self._lock:
            self._surplus += claims

    def lane_looks(self, *, has_claims: bool, has_longer: bool) -> Waiting | None:
        """Give a lane what waits; None when it has nothing left to do, and has ended."""
        with self._lock:
            if has_longer and not has_claims:  # this thread is a slot from now on
                self._is_wanted = self._has_backlog = True
                self._lanes -= 1
                return None
            is_wanted = self._is_wanted and not self.is_stopping
            hints = self._hinted or self._new
            if not (is_wanted or hints or self._surplus or has_claims):
                self._lanes -= 1
                return None
            found = Waiting(is_wanted, list(self._hinted), list(self._new), self._surplus)
            self._is_wanted, self._surplus = False, []
            self._hinted, self._new = set(), set()
            return found

    def lane_fails(self) -> None:
        """A lane was ended by an error."""
        with self._lock:
            self._lanes -= 1
