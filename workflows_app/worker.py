"""A worker process: slots that carry steps out, and one place where their results are written.

Steps that are known to be short run one after the other in the thread that claimed them; any
other has a slot of its own. Results that are ready together share a transaction: whoever comes
first writes for all who wait, so a lone run pays no hand-over and a thousand share the commits.
"""

import logging
import os
import socket
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from workflows_app import notify
from workflows_app.core.facts import Fact
from workflows_app.services.apply import facts_apply
from workflows_app.services.batch import Applied, Claim, ScopeFact
from workflows_app.services.claim import claims_release, steps_claim
from workflows_app.services.execute import DATABASE_AWAY, step_execute
from workflows_app.services.inline import stays_inside
from workflows_app.services.pace import Pace
from workflows_app.services.prepare import Prepared, claims_prepare, failure
from workflows_app.timekeeper import Timekeeper

logger = logging.getLogger(__name__)
INLINE_SECONDS = 30.0
INLINE_STEPS = 50
BATCH = 200  # results written in one transaction
LANES = 2  # threads that carry out short steps: one computes while the other's commit goes on
LANE_STEPS = 100  # short steps carried out for one commit
WRITERS = 2  # transactions at a time, never two on one run


@dataclass(slots=True, eq=False)
class _Result:
    """What one thread has to write, and the answer it waits for."""

    facts: list[ScopeFact]
    claim_limit: int
    done: threading.Event = field(default_factory=threading.Event)
    applied: Applied | None = None
    error: BaseException | None = None


class Worker:
    """Carries out ready steps with a fixed number of slots.

    A *lane* is one thread that carries out short steps, as many as are ready, commit by commit;
    a step that takes longer has a slot, and so a thread, of its own.
    """

    def __init__(self, *, slots: int | None = None, name: str | None = None) -> None:
        self.name = name or f"worker:{socket.gethostname()}:{os.getpid()}"
        self.slots = slots or settings.WORKER_SLOTS
        self.executor = ThreadPoolExecutor(self.slots, thread_name_prefix="slot")
        # Their own threads: were they slots', slots that all wait for a result would starve them.
        self.writer = ThreadPoolExecutor(WRITERS, thread_name_prefix="writer")
        self.pace = Pace()
        self.timekeeper = Timekeeper(self)
        self._free = self.slots
        self._lock = threading.Lock()
        self._has_backlog = False
        self._stopping = False
        self._lanes = 0
        self._is_wanted = False  # there may be ready steps that nobody has looked for
        self._hinted: set[UUID] = set()  # runs whose inboxes may hold something
        self._surplus: list[Claim] = []  # short steps that were claimed in somebody's commit
        self._pending: deque[_Result] = deque()
        self._writers = 0
        self._in_flight: set[UUID] = set()  # runs that are being written

    # Slots

    def _take(self, wanted: int) -> int:
        with self._lock:
            count = 0 if self._stopping else min(wanted, self._free)
            self._free -= count
            if count < wanted:
                self._has_backlog = True
            return count

    def _give(self, count: int) -> None:
        with self._lock:
            self._free += count

    # Getting work

    def advance(self, run_ids: Sequence[UUID] | None = None) -> int:
        """Settle what waits in the inboxes of these runs, then carry out what is ready.

        Gives the number of steps that were claimed here: none where lanes enough are at work,
        which then take this up too.
        """
        with self._lock:
            self._hinted.update(run_ids or ())
            self._is_wanted = True
            if self._stopping or self._lanes >= LANES:
                return 0
            if self._free <= 0:
                self._has_backlog = True
                offered = list(self._hinted)
            else:
                self._free -= 1
                self._lanes += 1
                offered = None
        if offered is not None:
            self._offer(offered)
            return 0
        return self._lane_run()

    def _offer(self, run_ids: Sequence[UUID]) -> None:
        if run_ids and settings.WORKERS > 1:
            notify.runs_offer(run_ids)

    def settle_inboxes(self, scopes: Mapping[UUID, UUID]) -> None:
        """Handle facts that others left for these scopes (ids with their run ids)."""
        facts = [ScopeFact(scope_id=s, run_id=r, fact=None) for s, r in scopes.items()]
        self._write(facts, 0)

    # Lanes

    def _lane_run(self) -> int:
        """Be a lane, and then a slot where a longer step is left; the slot comes back."""
        lane = _Lane(self)
        try:
            lane.run()
        except BaseException:
            with self._lock:
                self._lanes -= 1
            raise
        finally:
            if lane.longer is not None:
                self._guarded(lane.longer)
            else:
                self._give_back(1)
        return lane.claimed

    def _look_on(self) -> None:
        """There may be more than one lane takes at a time."""
        with self._lock:
            self._is_wanted = True
            is_full = self._lanes >= LANES or self._free <= 0
            self._has_backlog |= self._free <= 0
        if not is_full:
            self.executor.submit(self._catch_up)

    def _spread(self, claims: list[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Give each longer step a slot; give the short ones, and those that found no slot."""
        short = [claim for claim in claims if self.pace.is_short(claim.node)]
        if len(short) == len(claims):
            return short, []
        long = [claim for claim in claims if not self.pace.is_short(claim.node)]
        count = self._take(len(long))
        for claim in long[:count]:
            self.executor.submit(self._guarded, claim)
        return short, long[count:]

    def _hand_back(self, claims: list[Claim]) -> None:
        claims_release(claims={claim.id: claim.token for claim in claims})

    # Carrying steps out

    def _guarded(self, claim: Claim) -> None:
        """Carry a step out and what follows it; whatever happens, the slot comes back."""
        try:
            self._chain(claim)
        except Exception:
            logger.exception("a slot failed; its leases will run out")
        finally:
            connection.close()
            self._give_back(1)

    def _give_back(self, count: int) -> None:
        self._give(count)
        if self._has_backlog and not self._stopping:
            self._has_backlog = False
            self.executor.submit(self._catch_up)

    def _catch_up(self) -> None:
        try:
            self.advance()
        except Exception:
            logger.exception("looking for more work failed")
        finally:
            connection.close()

    def _chain(self, claim: Claim) -> None:
        """Carry out, write, go on with what was claimed in the same commit."""
        claims = [claim]
        begun, steps = time.monotonic(), 0
        while claims:
            facts = self._act(claims)
            steps += 1
            goes_on = time.monotonic() - begun < INLINE_SECONDS and steps < INLINE_STEPS
            claims = self._write(facts, int(goes_on and not self._stopping)).claims

    def _act(self, claims: list[Claim]) -> list[ScopeFact]:
        prepared = claims_prepare_safely(claims, worker=self.name)
        facts = []
        for claim, one in zip(claims, prepared, strict=True):
            fact = self._run(one) if isinstance(one, Prepared) else one
            if fact is not None:
                facts.append(
                    ScopeFact(
                        scope_id=claim.scope_id,
                        run_id=claim.run_id,
                        fact=fact,
                        is_brief=self._is_brief(claim),
                    )
                )
        return facts

    def _is_brief(self, claim: Claim) -> bool:
        """Tell whether a step's result may wait a little for others to share its commit."""
        if claim.node.kind.primitive != "call":
            return True
        is_brief = self.pace.is_brief(claim.node)
        return is_brief and stays_inside(claim.node, claim.context.version.pins)

    def _run(self, prepared: Prepared) -> Fact | None:
        claim = prepared.claim
        self.timekeeper.watch(prepared)
        begun = time.monotonic()
        try:
            is_short = self.pace.is_short(claim.node)
            return step_execute(prepared, worker=self.name, is_short=is_short)
        except DATABASE_AWAY as error:  # not the step's answer: its lease runs out instead
            logger.warning("step %s of run %s is given up: %s", claim.path, claim.run_id, error)
            return None
        finally:
            self.timekeeper.unwatch(claim.id)
            self.pace.note(claim.node, time.monotonic() - begun)

    # Writing results

    def _write(self, facts: list[ScopeFact], claim_limit: int) -> Applied:
        """Write results, together with those of other threads; then settle what they touched."""
        if not facts:
            return Applied()
        result = _Result(facts, claim_limit)
        self._submit(result)
        return result.applied or Applied()

    def _submit(self, result: _Result) -> None:
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
                    self.writer.submit(self._lead_on)
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
        limit += self._free if limit else 0  # what is opened here may begin in free slots
        try:
            applied = facts_apply(
                facts,
                worker=self.name,
                claim_limit=limit,
                skip_locked=len(batch) > 1,
                pace=self.pace,
            )
            self._follow(applied)
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
                    result.facts, worker=self.name, claim_limit=result.claim_limit
                )
                self._follow(result.applied)
            except BaseException as error:  # noqa: BLE001 - whoever waits for it raises it
                result.error = error

    def _hand_out(self, batch: list[_Result], applied: Applied) -> None:
        """Share the steps that were claimed in the commit among the threads that wait."""
        claims = deque(applied.claims)
        for result in batch:
            mine = [claims.popleft() for _ in range(min(result.claim_limit, len(claims)))]
            result.applied = Applied(accepted=applied.accepted, claims=mine)
        if claims:
            self._take_up(list(claims))
        if applied.contended:
            late = facts_apply(applied.contended, worker=self.name)
            self._follow(late)

    def _take_up(self, claims: list[Claim]) -> None:
        """Begin what was claimed beyond what the waiting threads go on with."""
        short, late = self._spread(claims)
        self._hand_back(late)
        if short:
            with self._lock:
                self._surplus += short
            self._look_on()

    def _follow(self, applied: Applied) -> None:
        """After a commit: settle inner inboxes, wake whoever is needed."""
        touched = dict(applied.touched)
        ready = set(applied.ready_runs)
        wakes = list(applied.wakes)
        while touched:
            facts = [
                ScopeFact(scope_id=scope_id, run_id=run_id, fact=None)
                for scope_id, run_id in touched.items()
            ]
            inner = facts_apply(facts, worker=self.name)
            ready |= inner.ready_runs
            wakes += inner.wakes
            touched = inner.touched
        self.timekeeper.wake_at(wakes)
        if ready:
            notify.runs_ready(ready)

    def write_for(self, claim: Claim, fact: Fact) -> None:
        """Write a fact about a claim from another thread (a time-out, a lost lease)."""
        self._write([ScopeFact(scope_id=claim.scope_id, run_id=claim.run_id, fact=fact)], 0)

    # Living and stopping

    def is_overdue(self, seconds: float) -> bool:
        """Tell whether a step holds its thread this long after it was to end."""
        return self.timekeeper.is_overdue(seconds) or self.pace.is_overdue(seconds)

    def start(self) -> None:
        """Take over local hints and start the timekeeper."""
        notify.local_worker = self._local
        self.timekeeper.start()

    def _local(self, run_ids: set[UUID]) -> None:
        if not self._stopping:
            self.executor.submit(self._local_advance, list(run_ids))

    def _local_advance(self, run_ids: list[UUID]) -> None:
        try:
            self.advance(run_ids)
        except Exception:
            logger.exception("advancing runs failed; the sweeper will find them")
        finally:
            connection.close()

    def stop(self, *, grace: timedelta = timedelta(seconds=10)) -> None:
        """Claim nothing more and wait for the slots, at most `grace`."""
        self._stopping = True
        notify.local_worker = None
        deadline = time.monotonic() + grace.total_seconds()
        while self._free < self.slots and time.monotonic() < deadline:
            self.timekeeper.tick.wait(0.05)
        self.timekeeper.stop()
        is_idle = self._free >= self.slots
        self.executor.shutdown(wait=is_idle, cancel_futures=True)
        self.writer.shutdown(wait=is_idle, cancel_futures=True)


class _Lane:
    """One thread that carries out what is short, and looks for more between two commits."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.claims: list[Claim] = []
        self.longer: Claim | None = None  # what this thread goes on with, as a slot
        self.claimed = 0
        self.is_short = True  # what was claimed last: then more is claimed than there are slots

    def run(self) -> None:
        rounds = 0
        while self._look():
            if self.claims:
                rounds += 1
                goes_on = rounds % INLINE_STEPS and self.longer is None
                wanted = LANE_STEPS if self.is_short else len(self.claims)
                self._carry_out(wanted if goes_on else 0)

    def _look(self) -> bool:
        """Take up what is ready; False when this lane has nothing left to do."""
        worker = self.worker
        with worker._lock:
            is_wanted = worker._is_wanted and not worker._stopping
            hinted, surplus = list(worker._hinted), worker._surplus
            if self.longer is not None and not self.claims:
                worker._is_wanted = worker._has_backlog = True
                worker._lanes -= 1
                return False
            if not (is_wanted or hinted or surplus or self.claims):
                worker._lanes -= 1
                return False
            worker._is_wanted, worker._hinted, worker._surplus = False, set(), []
        self.claims += surplus
        if is_wanted or hinted:
            self._claim(hinted)
        return True

    def _claim(self, hinted: Sequence[UUID]) -> None:
        worker = self.worker
        limit = LANE_STEPS - len(self.claims) if self.is_short else worker._free + 1
        limit = 0 if self.longer is not None else max(limit, 0)
        if limit == 0:
            worker._look_on()
            if not hinted:
                return
        found = steps_claim(worker=worker.name, limit=limit, hinted=hinted)
        fresh = found.claims
        self.claimed += len(fresh)
        if fresh:
            self.is_short = all(worker.pace.is_short(claim.node) for claim in fresh)
        if limit and len(fresh) == limit:
            worker._look_on()
        self._take(fresh)
        if found.inboxes:
            worker.settle_inboxes(found.inboxes)
            worker._look_on()

    def _take(self, claims: list[Claim]) -> None:
        """Keep the short steps; a longer one that has no slot gets this thread's."""
        if not self.claims and claims and not self.worker.pace.is_short(claims[-1].node):
            self.longer = self.longer or claims.pop()
        short, late = self.worker._spread(claims)
        self.claims += short
        if late and self.longer is None:
            self.longer = late.pop()
        self.worker._hand_back(late)

    def _carry_out(self, claim_limit: int) -> None:
        claims, self.claims = self.claims, []
        worker = self.worker
        limit = 0 if worker._stopping else claim_limit
        self._take(worker._write(worker._act(claims), limit).claims)


def _is_away(error: BaseException) -> bool:
    """Tell whether the database is gone: to write each result by itself would only take longer."""
    state = getattr(error.__cause__ or error, "sqlstate", None) or ""
    return isinstance(error, DATABASE_AWAY) and state[:2] in ("", "08", "57")


def claims_prepare_safely(
    claims: Sequence[Claim], *, worker: str
) -> Sequence[Prepared | Fact | None]:
    """Prepare claims together; where that raises, each by itself, so one cannot spoil the rest."""
    try:
        return claims_prepare(claims, worker=worker)
    except DATABASE_AWAY as error:  # says nothing about the steps: their leases run out
        logger.warning("%s steps could not be prepared: %s", len(claims), error)
        return [None] * len(claims)
    except Exception as error:
        if len(claims) == 1:
            logger.exception("step %s of run %s", claims[0].path, claims[0].run_id)
            message = f"the step could not be prepared: {type(error).__name__}: {error}"[:2000]
            return [failure(claims[0], worker, "internal_error", message)]
        return [claims_prepare_safely([claim], worker=worker)[0] for claim in claims]
