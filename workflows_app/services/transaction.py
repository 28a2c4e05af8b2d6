"""One transaction of the engine: which scopes it works on, and what it writes in the end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection

from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.facts import Fact, WorkerFact, fact_load
from workflows_app.core.states import ScopeState, StepState
from workflows_app.identifiers import uuid7
from workflows_app.services import rows, step_limit
from workflows_app.services.batch import Applied, Opened, RunChange, ScopeFact
from workflows_app.services.bodies import bodies_enrich
from workflows_app.services.carry_out import Carrier
from workflows_app.services.claiming import ready_claim
from workflows_app.services.context import RunContext, contexts_load
from workflows_app.services.held import HeldRun, held
from workflows_app.services.pace import Pace
from workflows_app.services.run_row import RunFollow, run_follow
from workflows_app.services.storage import Write, scopes_read

RESEND_AFTER = timedelta(seconds=5)


class Transaction:
    """The state of one call of `facts_apply`.

    It rests on run rows that it read without a lock, or holds in memory: the write refuses what
    somebody else has changed since. A careful one locks the run rows before it reads them.
    """

    def __init__(
        self,
        facts: Sequence[ScopeFact],
        worker: str | None,
        claim_limit: int,
        *,
        skip_locked: bool,
        is_careful: bool,
        pace: Pace | None = None,
    ) -> None:
        self.facts = facts
        self.worker = worker
        self.claim_limit = claim_limit
        self.skip_locked = skip_locked
        self.is_careful = is_careful
        self.pace = pace
        self.has_locks = is_careful
        # Inside a caller's transaction a row's version says nothing of what the caller wrote.
        self.is_outermost = len(connection.atomic_blocks) == 1
        self.applied = Applied()
        self.contexts: dict[UUID, RunContext] = contexts_load({fact.run_id for fact in facts})
        self.opened: dict[UUID, Opened] = {}
        self.changes: dict[UUID, RunChange] = {}
        self.runs: dict[UUID, rows.RunRow] = {}
        self.held: dict[UUID, HeldRun] = {}
        self.generations: dict[UUID, dict[str, int]] = {}
        self.consumed_inbox: list[int] = []
        self.consumed_timers: list[int] = []
        self.follows: list[RunFollow] = []
        self.version: str | None = None
        self.now: datetime

    def run(self) -> Applied:
        self._load()
        carrier = Carrier(self)
        self._advance()
        carrier.carry_out()
        self._write(carrier)
        return self.applied

    def step_drafts(self) -> dict[UUID, StepDraft]:
        """Give every step run of the scopes that this transaction writes, by id."""
        return {
            status.id: status
            for opened in self.opened.values()
            for status in (*opened.draft.steps.values(), *opened.draft.superseded)
        }

    def change(self, run_id: UUID) -> RunChange:
        known = self.changes.get(run_id)
        if known is None:  # asked for every scope: made only once
            known = self.changes[run_id] = RunChange()
        return known

    # Reading

    def _load(self) -> None:
        connection.ensure_connection()
        run_ids = set(self.contexts)
        if self.is_outermost and not self.is_careful:
            self.held = held.take(run_ids)
        wanted: dict[UUID, UUID] = {}
        for fact in self.facts:
            if not self._is_known(fact):
                wanted[fact.scope_id] = fact.run_id
        self.runs = {run_id: known.row for run_id, known in self.held.items()}
        if wanted:
            found = self.scopes_open(wanted, skip_locked=self.skip_locked)
            if self.skip_locked:
                self.applied.contended = [
                    fact
                    for fact in self.facts
                    if fact.scope_id in wanted and fact.scope_id not in found
                ]
        else:
            self.now = rows.database_now()
        known = {fact.scope_id: fact.run_id for fact in self.facts if fact.scope_id not in wanted}
        for scope_id in sorted(known):
            self.open_held(known[scope_id], scope_id)

    def _is_known(self, given: ScopeFact) -> bool:
        """Tell whether the memory has the very claim that a worker's fact is about.

        A claim that was made apart from a transaction is only in the database.
        """
        known = self.held.get(given.run_id)
        row = known.scopes.get(given.scope_id) if known is not None else None
        if row is None or given.begins:
            return row is not None
        return isinstance(given.fact, WorkerFact) and any(
            status.id == given.fact.step_run and status.token == given.fact.token
            for status in row.steps
        )

    def scopes_open(self, wanted: dict[UUID, UUID], *, skip_locked: bool) -> Collection[UUID]:
        """Lock and read scopes (ids with their run ids); give those that were locked."""
        run_ids = sorted(set(wanted.values()))
        self.has_locks = True
        read = scopes_read(sorted(wanted), run_ids, skip_locked=skip_locked)
        if read.now is not None and not hasattr(self, "now"):
            self.now = read.now
        for run_id, row in read.runs.items():
            known = self.runs.get(run_id)
            if known is None or self.is_careful:
                self.runs[run_id] = row
            elif known.version != row.version:
                self.held.pop(run_id, None)
                held.contended([run_id])
                raise rows.RowsChanged
        missing = [
            run_id
            for run_id in run_ids
            if run_id not in self.generations and read.runs[run_id].has_superseded
        ]
        self.generations |= rows.generations_load(missing)
        for scope in read.scopes.values():
            self.open(scope)
        return read.scopes.keys()

    def open_held(self, run_id: UUID, scope_id: UUID) -> Opened | None:
        """Open a scope as this process last wrote it."""
        known = self.held.get(run_id)
        row = known.scopes.pop(scope_id, None) if known is not None else None
        if row is None:
            return None
        opened = self.open(row)
        opened.is_held = True
        return opened

    def open(self, row: rows.ScopeRow, *, is_new: bool = False) -> Opened:
        """Give a scope its draft."""
        draft = Draft(
            id=row.id,
            run_id=row.run_id,
            graph=self.contexts[row.run_id].graph(row.body, row.override),
            kind=row.kind,
            path=row.path,
            state=ScopeState(row.state),
            closing=row.closing,
            slot=row.slot,
            steps={status.step: status for status in row.steps},
            new_id=uuid7,
            now=self.now,
            container_id=row.container_id,
            generations=self.generations.setdefault(row.run_id, {}),
            history=self.change(row.run_id).history,  # one for the run: in the order it happened
        )
        opened = Opened(
            row=row,
            draft=draft,
            is_new=is_new,
            before={status.id: (status.state.value, status.token) for status in row.steps},
            active_before=sum(status.is_active for status in row.steps),
            others=self.opened,
        )
        self.opened[row.id] = opened
        return opened

    # Applying

    def _advance(self) -> None:
        by_scope: dict[UUID, list[ScopeFact]] = {}
        for fact in self.facts:
            by_scope.setdefault(fact.scope_id, []).append(fact)
        for opened in list(self.opened.values()):
            facts = self.inbox(opened)
            for given in by_scope.get(opened.row.id, ()):
                opened.begins |= given.begins
                if given.timer is not None:
                    self.consumed_timers.append(given.timer)
                if given.fact is not None:
                    facts.append(given.fact)
            self.applied.accepted += self.tell(opened, facts)

    def tell(self, opened: Opened, facts: list[Fact]) -> int:
        """Apply facts to a scope; give how many of them counted."""
        context = self.contexts[opened.row.run_id]
        accepted = 0
        for told in bodies_enrich(opened, context, facts):
            accepted += advance(opened.draft, told)
        slot_report(opened.draft)
        return accepted

    def inbox(self, opened: Opened) -> list[Fact]:
        """Take the facts that were left for a scope."""
        change = self.change(opened.row.run_id)
        facts = []
        for fact_id, row, is_counted in opened.row.inbox:
            self.consumed_inbox.append(fact_id)
            change.active -= is_counted
            facts.append(fact_load(row))
        opened.row.inbox = []
        return facts

    # Writing

    def _write(self, carrier: Carrier) -> None:
        write = Write(
            now=self.now,
            send_at=self.now + RESEND_AFTER,
            lock=sorted(one.row.id for one in self.opened.values() if one.is_held),
            facts_done=self.consumed_inbox,
            timers_done=self.consumed_timers,
        )
        inserts = self._gather(write, carrier)
        if self.is_careful:
            with connection.connection.pipeline():
                write.send_moves()
                lock = rows.cursor_open()
                rows.runs_lock(lock, sorted(self.changes))
                self.runs = rows.runs_read(lock)
        step_limit.runs_stop(carrier)
        by_run: dict[UUID, list[tuple[Opened, StepDraft]]] = {}
        for pair in inserts:
            by_run.setdefault(pair[0].row.run_id, []).append(pair)
        self._find_ready()
        for run_id, change in self.changes.items():
            run = self.runs[run_id]
            ready_claim(self, run, by_run.get(run_id, []))
            self.follows.append(run_follow(run, change, self.contexts[run_id], self.now))
        carrier.runs_end(self.follows, write)
        write.events = [row for follow in self.follows for row in follow.events]
        write.runs = [follow.row for follow in self.follows if follow.row is not None]
        write.steps = [self._insert_row(opened, status) for opened, status in inserts]
        carrier.write(write)
        with connection.connection.pipeline():
            answer = write.send()
            rows.commit_send()
            self.version = answer.fetchone()[0]  # type: ignore[index]
        changed = {follow.run_id for follow in self.follows if follow.events}
        self.applied.changed_runs = changed
        self.applied.ended_runs = {one.run_id for one in self.follows if one.has_ended}

    def _gather(self, write: Write, carrier: Carrier) -> list[tuple[Opened, StepDraft]]:
        """Find what changed in every scope; give the step runs that are new."""
        inserts: list[tuple[Opened, StepDraft]] = []
        for opened in self.opened.values():
            change = self.change(opened.row.run_id)
            statuses = [*opened.draft.steps.values(), *opened.draft.superseded]
            for status in statuses:
                if not status.is_changed:
                    continue
                write.attempts += rows.attempt_rows(status)
                change.usage.append(status.usage)
                if status.is_new:
                    inserts.append((opened, status))
                else:
                    was, token = opened.before[status.id]
                    write.moved.append(rows.step_update_row(status, was, token))
            change.active += sum(status.is_active for status in statuses) - opened.active_before
            change.steps += sum(status.is_new for status in statuses)
            change.supersedes |= bool(opened.draft.superseded)
            change.superseded += [status.path for status in opened.draft.superseded]
            if not opened.is_new and (opened.draft.is_changed or opened.has_output):
                write.scopes_moved.append(carrier.scope_update_row(opened))
        return inserts

    def _find_ready(self) -> None:
        """Note the runs in which a step that was there before is to be claimed by somebody.

        It became ready again, or this transaction was to carry it out and did not come to it.
        """
        for opened in self.opened.values():
            if any(
                status.state is StepState.READY
                and (status.is_changed or opened.begins)
                and not status.is_held
                and not status.is_new
                for status in opened.draft.steps.values()
            ):
                self.applied.ready_runs.add(opened.row.run_id)

    def _insert_row(self, opened: Opened, status: StepDraft) -> dict[str, object]:
        is_leased = status.state is StepState.RUNNING and not status.is_container
        return rows.step_insert_row(
            status,
            run_id=opened.row.run_id,
            scope_id=opened.row.id,
            kind=opened.draft.node(status).kind.name,
            lease_owner=self.worker if is_leased else None,
            lease_expires_at=(
                self.now + timedelta(seconds=settings.LEASE_SECONDS) if is_leased else None
            ),
        )
