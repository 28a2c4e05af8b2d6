"""The engine's one transaction: lock scopes, apply facts, write everything that follows.

Locks go from the inside out: scopes by id, their step runs, requests, and the run rows last.
Any number of scopes and runs share the transaction, so that what arrives together shares a
commit; a batch of one is the ordinary case.
"""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import OperationalError, connection, transaction

from workflows_app import notify
from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.facts import BodyEnded, Fact, fact_load
from workflows_app.core.states import RUN_CLAIMABLE, RunState, ScopeState, StepState
from workflows_app.identifiers import uuid7
from workflows_app.services import rows
from workflows_app.services.batch import Applied, Claim, Opened, RunChange, ScopeFact
from workflows_app.services.bodies import bodies_enrich
from workflows_app.services.carry_out import Carrier
from workflows_app.services.context import RunContext, contexts_load
from workflows_app.services.run_row import run_follow

RESEND_AFTER = timedelta(seconds=5)
_TRIES = 8


def facts_apply(
    facts: Sequence[ScopeFact],
    *,
    worker: str | None = None,
    claim_limit: int = 0,
    skip_locked: bool = False,
) -> Applied:
    """Apply facts, and whatever waits in the inboxes of their scopes, in one transaction.

    With a `worker`, up to `claim_limit` of the steps that become ready are claimed for it in
    the same commit. Facts that no longer fit change nothing.

    Raises:
        OperationalError: the database stayed unreachable, or a lock stayed held.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            # The engine's own cursors are psycopg's: what they raise is made Django's here.
            with connection.wrap_database_errors, transaction.atomic():
                applied = _Transaction(facts, worker, claim_limit, skip_locked).run()
        except (rows.RowsChanged, OperationalError) as error:
            if attempt == _TRIES or not _may_repeat(error):
                raise
            time.sleep(random.uniform(0.001, 0.01) * attempt)  # noqa: S311
        else:
            notify.runs_changed(applied.changed_runs)
            return applied
    raise AssertionError("unreachable")


def _may_repeat(error: Exception) -> bool:
    """Deadlocks, lock time-outs and serialisation failures are worth another try."""
    if isinstance(error, rows.RowsChanged):
        return True
    state = getattr(error.__cause__, "sqlstate", None)
    return state in ("40P01", "40001", "55P03")


class _Transaction:
    """The state of one call of `facts_apply`."""

    def __init__(
        self, facts: Sequence[ScopeFact], worker: str | None, claim_limit: int, skip_locked: bool
    ) -> None:
        self.facts = facts
        self.worker = worker
        self.claim_limit = claim_limit
        self.skip_locked = skip_locked
        self.applied = Applied()
        self.contexts: dict[UUID, RunContext] = contexts_load({fact.run_id for fact in facts})
        self.opened: list[Opened] = []
        self.changes: dict[UUID, RunChange] = {}
        self.consumed_inbox: list[int] = []
        self.consumed_timers: list[int] = []
        self.now: datetime

    def run(self) -> Applied:
        self._load()
        self._advance()
        carrier = Carrier(self)
        carrier.carry_out()
        self._write(carrier)
        return self.applied

    def change(self, run_id: UUID) -> RunChange:
        return self.changes.setdefault(run_id, RunChange())

    def _load(self) -> None:
        scope_ids = sorted({fact.scope_id for fact in self.facts})
        connection.ensure_connection()
        locked, self.now, superseded = rows.scopes_lock(
            scope_ids, sorted(self.contexts), skip_locked=self.skip_locked
        )
        found = {row.id for row in locked}
        if self.skip_locked:
            self.applied.contended = [fact for fact in self.facts if fact.scope_id not in found]
        generations = rows.generations_load(superseded)
        for row in locked:
            self.open(row, generations.get(row.run_id, {}))

    def open(
        self, row: rows.ScopeRow, generations: dict[str, int], *, is_new: bool = False
    ) -> Opened:
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
            generations=generations,
        )
        opened = Opened(
            row=row,
            draft=draft,
            is_new=is_new,
            before={status.id: (status.state.value, status.token) for status in row.steps},
            active_before=sum(status.is_active for status in row.steps),
        )
        self.opened.append(opened)
        return opened

    def _advance(self) -> None:
        by_scope: dict[UUID, list[ScopeFact]] = {}
        for fact in self.facts:
            by_scope.setdefault(fact.scope_id, []).append(fact)
        for opened in list(self.opened):
            facts = self._inbox(opened)
            for given in by_scope.get(opened.row.id, ()):
                if given.timer is not None:
                    self.consumed_timers.append(given.timer)
                if given.fact is not None:
                    facts.append(given.fact)
            context = self.contexts[opened.row.run_id]
            for told in bodies_enrich(opened, context, facts):
                self.applied.accepted += advance(opened.draft, told)
            slot_report(opened.draft)

    def _inbox(self, opened: Opened) -> list[Fact]:
        change = self.change(opened.row.run_id)
        facts = []
        for fact_id, row, is_counted in opened.row.inbox:
            self.consumed_inbox.append(fact_id)
            change.active -= is_counted
            facts.append(fact_load(row))
        return facts

    def _write(self, carrier: Carrier) -> None:
        updates, inserts, attempts, scopes = [], [], [], []
        for opened in self.opened:
            change = self.change(opened.row.run_id)
            statuses = [*opened.draft.steps.values(), *opened.draft.superseded]
            for status in statuses:
                if not status.is_changed:
                    continue
                attempts += [{"step_run": str(status.id), **one} for one in status.attempts]
                change.usage.append(status.usage)
                if status.is_new:
                    inserts.append((opened, status))
                else:
                    was, token = opened.before[status.id]
                    updates.append(rows.step_update_row(status, was, token))
            change.history += opened.draft.history
            change.active += sum(status.is_active for status in statuses) - opened.active_before
            change.steps += sum(status.is_new for status in statuses)
            change.supersedes |= bool(opened.draft.superseded)
            if not opened.is_new and (opened.draft.is_changed or opened.has_output):
                scopes.append(carrier.scope_update_row(opened))
        with connection.connection.pipeline():
            cursor = rows.cursor_open()
            resend = {"now": self.now, "send_at": self.now + RESEND_AFTER}
            rows.execute(cursor, rows.UPDATE_STEPS, updates, **resend)
            moved = cursor.rowcount if updates else 0
            rows.execute(rows.cursor_open(), rows.UPDATE_SCOPES, scopes)
            rows.execute(rows.cursor_open(), rows.INSERT_ATTEMPTS, rows.attempt_rows(attempts))
            rows.inbox_delete(self.consumed_inbox)
            rows.timers_delete(self.consumed_timers)
            lock = rows.cursor_open()
            rows.runs_lock(lock, sorted(self.changes))
            runs = rows.runs_read(lock)
            moved = cursor.rowcount if updates else 0
        if moved != len(updates):
            raise rows.RowsChanged
        self._write_runs(runs, inserts, carrier)

    def _write_runs(
        self,
        runs: dict[UUID, rows.RunRow],
        inserts: list[tuple[Opened, StepDraft]],
        carrier: Carrier,
    ) -> None:
        follows = []
        by_run: dict[UUID, list[tuple[Opened, StepDraft]]] = {}
        for pair in inserts:
            by_run.setdefault(pair[0].row.run_id, []).append(pair)
        self._find_ready()
        for run_id, change in self.changes.items():
            run = runs[run_id]
            self._claim(run, by_run.get(run_id, []), change)
            follows.append(run_follow(run, change, self.contexts[run_id], self.now))
        carrier.runs_end(follows)
        events = [row for follow in follows for row in follow.events]
        step_rows = [self._insert_row(opened, status) for opened, status in inserts]
        resend = {"now": self.now, "send_at": self.now + RESEND_AFTER}
        with connection.connection.pipeline():
            cursor = rows.cursor_open()
            carrier.write(cursor)
            rows.execute(cursor, rows.INSERT_STEPS, step_rows, **resend)
            changed = [follow.row for follow in follows if follow.row is not None]
            rows.execute(cursor, rows.UPDATE_RUNS, changed, now=self.now)
            rows.execute(cursor, rows.INSERT_EVENTS, events, now=self.now)
            rows.commit_send()
        self.applied.changed_runs = {follow.run_id for follow in follows if follow.events}
        self.applied.ended_runs = {follow.run_id for follow in follows if follow.has_ended}

    def _claim(
        self, run: rows.RunRow, inserts: list[tuple[Opened, StepDraft]], change: RunChange
    ) -> None:
        """Claim new ready steps for the worker, as far as the run and the limit allow."""
        may_claim = self.worker is not None and RunState(run.state) in RUN_CLAIMABLE
        for opened, status in inserts:
            if status.state is not StepState.READY or status.is_held:
                continue
            if not may_claim or len(self.applied.claims) >= self.claim_limit:
                self.applied.ready_runs.add(run.id)
                continue
            self.applied.claims.append(self._claimed(opened, status, change))

    def _find_ready(self) -> None:
        """Note the runs in which a step that was there before became ready again."""
        for opened in self.opened:
            if any(
                status.state is StepState.READY
                and status.is_changed
                and not status.is_held
                and not status.is_new
                for status in opened.draft.steps.values()
            ):
                self.applied.ready_runs.add(opened.row.run_id)

    def _claimed(self, opened: Opened, status: StepDraft, change: RunChange) -> Claim:
        from workflows_app.core.engine.attempts import announce  # noqa: PLC0415

        node = opened.draft.node(status)
        status.state = StepState.RUNNING
        status.attempt += 1
        status.token = uuid4()
        status.started_at = self.now
        if node.is_plain:
            before = len(opened.draft.history)
            announce(opened.draft, status, self.worker or "engine")
            change.history += opened.draft.history[before:]
        return Claim(
            id=status.id,
            scope_id=opened.row.id,
            run_id=opened.row.run_id,
            context=self.contexts[opened.row.run_id],
            setting=opened.setting(self.contexts[opened.row.run_id]),
            node=node,
            path=status.path,
            generation=status.generation,
            attempt=status.attempt,
            token=status.token,
            feedback=status.feedback,
            progress=status.progress,
        )

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


def scopes_settle(scopes: dict[UUID, UUID], *, worker: str | None = None) -> set[UUID]:
    """Handle the inboxes of these scopes (ids with their run ids), and those they lead to.

    Gives the runs in which a step became ready.
    """
    ready: set[UUID] = set()
    pending = dict(scopes)
    while pending:
        facts = [
            ScopeFact(scope_id=scope_id, run_id=run_id, fact=None)
            for scope_id, run_id in pending.items()
        ]
        applied = facts_apply(facts, worker=worker)
        ready |= applied.ready_runs
        pending = applied.touched
    return ready


__all__ = ["BodyEnded", "facts_apply", "scopes_settle"]
