"""The one place of a worker where results are written: what is ready together shares a commit.

Whoever comes first writes for all who wait, so a lone run pays no hand-over and a thousand share
the commits.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

from django.db import connection

from workflows_app.services.apply import facts_apply
from workflows_app.services.batch import Applied, Claim, ScopeFact
from workflows_app.services.execute import DATABASE_AWAY
from workflows_app.services.pace import Pace

BATCH = 200  # results written in one transaction
WRITERS = 2  # transactions at a time, never two on one run


@dataclass(slots=True, eq=False)
class _Result:
    """What one thread has to write, and the answer it waits for."""

    facts: list[ScopeFact]
    claim_limit: int
    done: threading.Event = field(default_factory=threading.Event)
    applied: Applied | None = None
    error: BaseException | None = None


class ResultWriter:
    """Writes the results of a worker's threads, a batch at a time.

    `spare` tells how many more steps may be claimed in a commit, `follow` acts on what came of
    one, and `take_up` begins what was claimed beyond what the waiting threads go on with.
    """

    def __init__(
        self,
        *,
        worker: str,
        pace: Pace,
        spare: Callable[[], int],
        follow: Callable[[Applied], None],
        take_up: Callable[[list[Claim]], None],
    ) -> None:
        self.worker = worker
        self.pace = pace
        self.spare = spare
        self.follow = follow
        self.take_up = take_up
        # Their own threads: were they slots', slots that all wait for a result would starve them.
        self.executor = ThreadPoolExecutor(WRITERS, thread_name_prefix="writer")
        self._lock = threading.Lock()
        self._pending: deque[_Result] = deque()
        self._writers = 0
        self._in_flight: set[UUID] = set()  # runs that are being written

    def write(self, facts: list[ScopeFact], claim_limit: int) -> Applied:
        """Write results, together with those of other threads; then settle what they touched."""
        if not facts:
            return Applied()
        result = _Result(facts, claim_limit)
        with self._lock:
            self._pending.append(result)
            leads = self._writers < WRITERS
            self._writers += leads
        if leads:
            self._lead(result)
        if not result.done.is_set():
            connection.close()  # enough threads that wait with one would leave none to write with
            result.done.wait()
        if result.error is not None:
            raise result.error
        return result.applied or Applied()

    def _lead(self, own: _Result) -> None:
        """Write for everyone who waits, until nobody does (or another thread takes over)."""
        while True:
            batch = self._pick()
            if not batch:
                return
            self._write_batch(batch)
            with self._lock:
                self._in_flight -= {fact.run_id for one in batch for fact in one.facts}
                if own.done.is_set():
                    # Our own is written: the next in line leads, so that we can go on.
                    if not self._pending:
                        self._writers -= 1
                        return
                    self.executor.submit(self._lead_on)
                    return

    def _pick(self) -> list[_Result]:
        """Take what may be written together now, or stop leading.

        Two transactions on one run would only wait for each other: whoever writes a run at
        present goes on with what came for it meanwhile.
        """
        batch: list[_Result] = []
        late: list[_Result] = []
        count = 0
        with self._lock:
            while self._pending and count < BATCH:
                one = self._pending.popleft()
                if any(fact.run_id in self._in_flight for fact in one.facts):
                    late.append(one)
                else:
                    batch.append(one)
                    count += len(one.facts)
            self._pending.extendleft(reversed(late))
            self._in_flight |= {fact.run_id for one in batch for fact in one.facts}
            if not batch:
                self._writers -= 1
        return batch

    def _lead_on(self) -> None:
        try:
            self._lead(_Result([], 0))
        finally:
            connection.close()

    def _write_batch(self, batch: list[_Result]) -> None:
        facts = [fact for result in batch for fact in result.facts]
        limit = sum(result.claim_limit for result in batch)
        limit += self.spare() if limit else 0  # what is opened here may begin in free slots
        try:
            applied = facts_apply(
                facts,
                worker=self.worker,
                claim_limit=limit,
                skip_locked=len(batch) > 1,
                pace=self.pace,
            )
            self.follow(applied)
            self._hand_out(batch, applied)
        except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
            if len(batch) == 1 or _is_away(error):
                for result in batch:
                    result.error = error
            else:
                self._write_apart(batch)
        finally:
            for result in batch:
                result.done.set()

    def _write_apart(self, batch: list[_Result]) -> None:
        """One result spoiled the batch: each is written by itself, so only that one fails."""
        for result in batch:
            try:
                result.applied = facts_apply(
                    result.facts, worker=self.worker, claim_limit=result.claim_limit
                )
                self.follow(result.applied)
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                result.error = error

    def _hand_out(self, batch: list[_Result], applied: Applied) -> None:
        """Share the steps that were claimed in the commit among the threads that wait."""
        claims = deque(applied.claims)
        for result in batch:
            mine = [claims.popleft() for _ in range(min(result.claim_limit, len(claims)))]
            result.applied = Applied(
                accepted=applied.accepted, claims=mine, changed_runs=applied.changed_runs
            )
        if claims:
            self.take_up(list(claims))
        if applied.contended:
            late = facts_apply(applied.contended, worker=self.worker)
            self.follow(late)


def _is_away(error: BaseException) -> bool:
    """Tell whether the database is gone: to write each result by itself would only take longer."""
    state = getattr(error.__cause__ or error, "sqlstate", None) or ""
    return isinstance(error, DATABASE_AWAY) and state[:2] in ("", "08", "57")
