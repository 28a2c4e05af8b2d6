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
from collections.abc import Sequence
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
from workflows_app.services.claim import steps_claim
from workflows_app.services.execute import DATABASE_AWAY, step_execute
from workflows_app.services.pace import Pace
from workflows_app.services.prepare import Prepared, claims_prepare, failure
from workflows_app.timekeeper import Timekeeper

logger = logging.getLogger(__name__)
INLINE_SECONDS = 30.0
INLINE_STEPS = 50
BATCH = 200  # results written in one transaction


@dataclass(slots=True, eq=False)
class _Result:
    """What one thread has to write, and the answer it waits for."""

    facts: list[ScopeFact]
    claim_limit: int
    done: threading.Event = field(default_factory=threading.Event)
    applied: Applied | None = None
    error: BaseException | None = None


class Worker:
    """Carries out ready steps with a fixed number of slots."""

    def __init__(self, *, slots: int | None = None, name: str | None = None) -> None:
        self.name = name or f"worker:{socket.gethostname()}:{os.getpid()}"
        self.slots = slots or settings.WORKER_SLOTS
        self.executor = ThreadPoolExecutor(self.slots, thread_name_prefix="slot")
        # Its own thread: were it a slot's, slots that all wait for a result would starve it.
        self.writer = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self.pace = Pace()
        self.timekeeper = Timekeeper(self)
        self._free = self.slots
        self._lock = threading.Lock()
        self._has_backlog = False
        self._stopping = False
        self._pending: deque[_Result] = deque()
        self._writers = 0
        self._busy: set[UUID] = set()

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

        Gives the number of steps that were claimed here. Without runs, takes any ready step.
        """
        claimed = 0
        if run_ids:
            self.settle_inboxes(run_ids)
        while True:
            count = self._take(self.slots)
            if count == 0:
                self._offer(run_ids)
                return claimed
            claims: list[Claim] = []
            try:
                claims = steps_claim(worker=self.name, limit=count, run_ids=run_ids)
            finally:
                self._give(count - len(claims))
            claimed += len(claims)
            if claims:
                self._distribute(claims)
            if len(claims) < count:
                return claimed

    def _offer(self, run_ids: Sequence[UUID] | None) -> None:
        if run_ids and settings.WORKERS > 1:
            notify.runs_offer(run_ids)

    def settle_inboxes(self, run_ids: Sequence[UUID]) -> None:
        """Handle facts that others left for scopes of these runs."""
        from workflows_app.services.inbox import inbox_scopes  # noqa: PLC0415

        scopes = inbox_scopes(run_ids)
        if scopes:
            self._write([ScopeFact(scope_id=s, run_id=r, fact=None) for s, r in scopes.items()], 0)

    def _distribute(self, claims: list[Claim]) -> None:
        """Run short steps here together; give every other step a slot of its own."""
        short = [claim for claim in claims if self.pace.is_short(claim.node)]
        long = [claim for claim in claims if not self.pace.is_short(claim.node)]
        if not short and long:
            mine = long.pop()
            for claim in long:
                self.executor.submit(self._guarded, [claim])
            self._guarded([mine])
            return
        for claim in long:
            self.executor.submit(self._guarded, [claim])
        self._guarded(short)

    # Carrying steps out

    def _guarded(self, claims: list[Claim]) -> None:
        """Carry claims out and what follows them; whatever happens, the slots come back."""
        held = len(claims)
        try:
            held = self._chain(claims)
        except Exception:
            logger.exception("a slot failed; its leases will run out")
        finally:
            self._give(held)
            connection.close()
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

    def _chain(self, claims: list[Claim]) -> int:
        """Carry out, write, go on with what was claimed in the same commit."""
        held = len(claims)
        begun, steps = time.monotonic(), 0
        while claims:
            facts = self._act(claims)
            steps += 1
            goes_on = time.monotonic() - begun < INLINE_SECONDS and steps < INLINE_STEPS
            applied = self._write(facts, len(claims) if goes_on and not self._stopping else 0)
            claims = applied.claims
            if len(claims) < held:
                self._give(held - len(claims))
                held = len(claims)
            if len(claims) > 1 and not all(self.pace.is_short(one.node) for one in claims):
                first, *rest = claims
                for claim in rest:
                    self.executor.submit(self._guarded, [claim])
                claims, held = [first], 1
        return held

    def _act(self, claims: list[Claim]) -> list[ScopeFact]:
        prepared = claims_prepare_safely(claims, worker=self.name)
        facts = []
        for claim, one in zip(claims, prepared, strict=True):
            fact = self._run(one) if isinstance(one, Prepared) else one
            if fact is not None:
                facts.append(ScopeFact(scope_id=claim.scope_id, run_id=claim.run_id, fact=fact))
        return facts

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
            leads = self._writers == 0
            if leads:
                self._writers = 1
        if leads:
            self._lead(result)
        else:
            connection.close()  # enough threads that wait with one would leave none to write with
        result.done.wait()
        if result.error is not None:
            raise result.error

    def _lead(self, own: _Result) -> None:
        """Write for everyone who waits, until nobody does (or another thread takes over)."""
        while True:
            with self._lock:
                batch: list[_Result] = []
                count = 0
                while self._pending and count < BATCH:
                    batch.append(self._pending.popleft())
                    count += len(batch[-1].facts)
                if not batch:
                    self._writers = 0
                    return
            self._write_batch(batch)
            if own.done.is_set():
                # Our own result is written: the next in line leads, so that we can go on.
                with self._lock:
                    if not self._pending:
                        self._writers = 0
                        return
                self.writer.submit(self._lead_on)
                return

    def _lead_on(self) -> None:
        try:
            self._lead(_Result([], 0))
        finally:
            connection.close()

    def _write_batch(self, batch: list[_Result]) -> None:
        facts = [fact for result in batch for fact in result.facts]
        limit = sum(result.claim_limit for result in batch)
        try:
            applied = facts_apply(
                facts, worker=self.name, claim_limit=limit, skip_locked=len(batch) > 1
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
        if applied.contended:
            late = facts_apply(applied.contended, worker=self.name)
            self._follow(late)

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
