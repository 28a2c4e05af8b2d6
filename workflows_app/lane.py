"""A lane: one thread that carries out what is short, and looks for more between two commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from workflows_app.services.batch import Claim
from workflows_app.services.begin import runs_begin
from workflows_app.services.claim import claims_release, steps_claim

if TYPE_CHECKING:
    from workflows_app.worker import Worker

RUNS = 100  # new runs that begin in one commit
STEPS = 100  # short steps carried out for one commit
ROUNDS = 50  # commits in a row that claim what follows; then the oldest ready steps have a turn


class Lane:
    """Carries out short steps, as many as are ready, commit by commit."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.claims: list[Claim] = []
        self.longer: Claim | None = None  # what this thread goes on with, as a slot
        self.claimed = 0
        self.is_short = True  # what was claimed last: then more is claimed than there are slots

    def run(self) -> None:
        """Work until nothing is left to do."""
        rounds = 0
        while self._look():
            if self.claims:
                rounds += 1
                goes_on = rounds % ROUNDS and self.longer is None
                wanted = STEPS if self.is_short else len(self.claims)
                self._carry_out(wanted if goes_on else 0)

    def _look(self) -> bool:
        """Take up what is ready; False when this lane has nothing left to do."""
        waiting = self.worker.board.lane_looks(
            has_claims=bool(self.claims), has_longer=self.longer is not None
        )
        if waiting is None:
            return False
        self.claims += waiting.surplus
        begun = self._begin(waiting.new) if waiting.new else set()
        left = [run_id for run_id in (*waiting.hinted, *waiting.new) if run_id not in begun]
        if waiting.is_wanted or left:
            self._claim(left)
        return True

    def _begin(self, run_ids: list[UUID]) -> set[UUID]:
        """Carry out the first steps of new runs where that needs no claim; give those runs."""
        worker = self.worker
        if self.longer is not None or worker.board.is_stopping:
            return set()
        facts = runs_begin(run_ids[:RUNS], worker.pace)
        if not facts:
            return set()
        applied = worker.write(facts, STEPS if self.is_short else worker.board.free + 1)
        begun = applied.changed_runs.intersection(run_ids)  # others may have shared the commit
        self.claimed += len(begun)
        self._take(applied.claims)
        return begun

    def _claim(self, hinted: Sequence[UUID]) -> None:
        worker = self.worker
        limit = STEPS - len(self.claims) if self.is_short else worker.board.free + 1
        limit = 0 if self.longer is not None else max(limit, 0)
        if limit == 0:
            worker.look_on()
            if not hinted:
                return
        found = steps_claim(worker=worker.name, limit=limit, hinted=hinted)
        fresh = found.claims
        self.claimed += len(fresh)
        if fresh:
            self.is_short = all(worker.pace.is_short(claim.node) for claim in fresh)
        if limit and len(fresh) == limit:
            worker.look_on()
        self._take(fresh)
        if found.inboxes:
            worker.settle_inboxes(found.inboxes)
            worker.look_on()

    def _take(self, claims: list[Claim]) -> None:
        """Keep the short steps; a longer one that has no slot gets this thread's."""
        if not self.claims and claims and not self.worker.pace.is_short(claims[-1].node):
            self.longer = self.longer or claims.pop()
        short, late = self.worker.spread(claims)
        self.claims += short
        if late and self.longer is None:
            self.longer = late.pop()
        claims_release(claims={claim.id: claim.token for claim in late})

    def _carry_out(self, claim_limit: int) -> None:
        claims, self.claims = self.claims, []
        worker = self.worker
        limit = 0 if worker.board.is_stopping else claim_limit
        self._take(worker.write(worker.act(claims), limit).claims)
