"""A worker process: slots that carry steps out, and one place where their results are written.

Steps that are known to be short run one after the other in the thread that claimed them (a lane);
any other has a slot of its own.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from workflows_app import notify
from workflows_app.bell import Ear
from workflows_app.board import Board
from workflows_app.core.facts import Fact
from workflows_app.lane import Lane
from workflows_app.result_writer import ResultWriter
from workflows_app.services.apply import facts_apply
from workflows_app.services.batch import Applied, Claim, ScopeFact
from workflows_app.services.claim import claims_release
from workflows_app.services.execute import DATABASE_AWAY, step_execute
from workflows_app.services.inline import stays_inside
from workflows_app.services.pace import Pace
from workflows_app.services.prepare import Prepared, claims_prepare, failure
from workflows_app.timekeeper import Timekeeper

logger = logging.getLogger(__name__)
INLINE_SECONDS = 30.0
INLINE_STEPS = 50


class Worker:
    """Carries out ready steps with a fixed number of slots.

    A *lane* is one thread that carries out short steps, as many as are ready, commit by commit;
    a step that takes longer has a slot, and so a thread, of its own.
    """

    def __init__(self, *, slots: int | None = None, name: str | None = None) -> None:
        self.name = name or f"worker:{socket.gethostname()}:{os.getpid()}"
        self.board = Board(slots or settings.WORKER_SLOTS)
        self.executor = ThreadPoolExecutor(self.board.slots, thread_name_prefix="slot")
        self.pace = Pace()
        self.results = ResultWriter(
            worker=self.name,
            pace=self.pace,
            spare=lambda: self.board.free,
            follow=self._follow,
            take_up=self._take_up,
        )
        self.timekeeper = Timekeeper(self)
        self.ear = Ear(self._hear)

    # Getting work

    def advance(self, run_ids: Sequence[UUID] | None = None, *, are_new: bool = True) -> int:
        """Settle what waits in the inboxes of these runs, then carry out what is ready.

        Of runs that are not new there is no need to look whether they have begun.

        Gives the number of steps that were claimed here: none where lanes enough are at work,
        which then take this up too.
        """
        is_lane, others = self.board.want(run_ids or (), are_new=are_new)
        if others and settings.WORKERS > 1:
            self.ear.forget(others)
            notify.runs_offer(others)
        return self._lane_run() if is_lane else 0

    def settle_inboxes(self, scopes: Mapping[UUID, UUID]) -> None:
        """Handle facts that others left for these scopes (ids with their run ids)."""
        self.write([ScopeFact(scope_id=s, run_id=r, fact=None) for s, r in scopes.items()], 0)

    def _lane_run(self) -> int:
        """Be a lane, and then a slot where a longer step is left; the slot comes back."""
        lane = Lane(self)
        try:
            lane.run()
        except BaseException:
            self.board.lane_fails()
            raise
        finally:
            if lane.longer is not None:
                self._guarded(lane.longer)
            else:
                self._give_back(1)
        return lane.claimed

    def look_on(self) -> None:
        """There may be more than one lane takes at a time."""
        if self.board.look_on():
            self.executor.submit(self._catch_up)

    def spread(self, claims: list[Claim]) -> tuple[list[Claim], list[Claim]]:
        """Give each longer step a slot; give the short ones, and those that found no slot."""
        short = [claim for claim in claims if self.pace.is_short(claim.node)]
        if len(short) == len(claims):
            return short, []
        long = [claim for claim in claims if not self.pace.is_short(claim.node)]
        count = self.board.take(len(long))
        for claim in long[:count]:
            self.executor.submit(self._guarded, claim)
        return short, long[count:]

    def _take_up(self, claims: list[Claim]) -> None:
        """Begin what was claimed beyond what the waiting threads go on with."""
        short, late = self.spread(claims)
        claims_release(claims={claim.id: claim.token for claim in late})
        if short:
            self.board.pass_on(short)
            self.look_on()

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
        if self.board.give(count):
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
            facts = self.act(claims)
            steps += 1
            goes_on = time.monotonic() - begun < INLINE_SECONDS and steps < INLINE_STEPS
            claims = self.write(facts, int(goes_on and not self.board.is_stopping)).claims

    def act(self, claims: list[Claim]) -> list[ScopeFact]:
        """Carry steps out, and give what came of each."""
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

    def write(self, facts: list[ScopeFact], claim_limit: int) -> Applied:
        """Write results; give what was claimed for this thread in the same commit."""
        return self.results.write(facts, claim_limit)

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
        self.write([ScopeFact(scope_id=claim.scope_id, run_id=claim.run_id, fact=fact)], 0)

    # Living and stopping

    def is_overdue(self, seconds: float) -> bool:
        """Tell whether a step holds its thread this long after it was to end."""
        return self.timekeeper.is_overdue(seconds) or self.pace.is_overdue(seconds)

    def start(self) -> None:
        """Take over local hints and start the timekeeper."""
        notify.local_worker = self._local
        self.timekeeper.start()

    def _local(self, run_ids: set[UUID]) -> None:
        if not self.board.is_stopping:
            self.executor.submit(self._told, list(run_ids), are_new=False)

    def _hear(self, run_ids: list[UUID]) -> None:
        if not self.board.is_stopping:
            self.executor.submit(self._told, run_ids, are_new=True)

    def _told(self, run_ids: list[UUID], *, are_new: bool) -> None:
        try:
            self.advance(run_ids, are_new=are_new)
        except Exception:
            logger.exception("advancing runs failed; the sweeper will find them")
        finally:
            connection.close()

    def stop(self, *, grace: timedelta = timedelta(seconds=10)) -> None:
        """Claim nothing more and wait for the slots, at most `grace`."""
        self.board.is_stopping = True
        self.ear.stop()
        notify.local_worker = None
        deadline = time.monotonic() + grace.total_seconds()
        while not self.board.is_idle and time.monotonic() < deadline:
            self.timekeeper.tick.wait(0.05)
        self.timekeeper.stop()
        is_idle = self.board.is_idle
        self.executor.shutdown(wait=is_idle, cancel_futures=True)
        self.results.executor.shutdown(wait=is_idle, cancel_futures=True)


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
