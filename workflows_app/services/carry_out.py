"""Carrying out what the core wished for: scopes, timers, inboxes, requests. Rows only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.engine.draft import HistoryEvent
from workflows_app.core.facts import Fact, ScopeCancelled, fact_dump
from workflows_app.core.states import StepState
from workflows_app.identifiers import uuid7
from workflows_app.models.fields import json_dump
from workflows_app.services import ending, event_waits, revert, rows, undo
from workflows_app.services.batch import Opened
from workflows_app.services.bodies_open import BodiesOpen
from workflows_app.services.children import child_cancel, child_roll_back, child_start
from workflows_app.services.effects import Handled, effects_handle
from workflows_app.services.holds import holds_release
from workflows_app.services.inline import InlineSteps
from workflows_app.services.provisional import waiters_wake
from workflows_app.services.scope_end import outputs_complete, scope_ended

if TYPE_CHECKING:
    from workflows_app.core.engine.draft import StepDraft
    from workflows_app.services.run_row import RunFollow
    from workflows_app.services.storage import Write
    from workflows_app.services.transaction import Transaction

JSON = Any
_LIST_OPEN = """
SELECT id FROM workflows_app_scope
WHERE container_id = %s AND state IN ('open', 'closing') ORDER BY id
"""
_LOCK = "SELECT id FROM workflows_app_scope WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"


# Effects that only gather records, which are written at the end.
_GATHERED = (
    wish.OpenScopes,
    wish.TellParent,
    wish.TellScope,
    wish.ScopeEnded,
    wish.StartTimer,
    wish.Degraded,
)


class Carrier:
    """Gathers the rows that effects ask for, scope by scope, and writes them once."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.inbox: list[dict[str, Any]] = []
        self.queue: deque[Opened] = deque()
        self.up: list[tuple[Opened, Fact]] = []  # for the scopes around, not delivered yet
        self.bodies = BodiesOpen(self)
        self.timers: list[dict[str, Any]] = []
        self.for_others: list[wish.Effect] = []

    def carry_out(self) -> None:
        """Handle every effect of every scope, also those of scopes opened on the way.

        What a body tells the scope around it is applied in this transaction too, where that
        scope's lock is free; else it is left in its inbox.
        """
        inline = InlineSteps(self.transaction)
        self.queue.extend(self.transaction.opened.values())
        while self.queue:
            opened = self.queue.popleft()
            self._handle_all(opened)
            if inline.run(opened):
                self.queue.append(opened)
            elif not self.queue and self.up:
                self._deliver()
        for handled in effects_handle(self.for_others):
            self._note(handled)

    def _note(self, handled: Handled) -> None:
        """Take over what somebody else's rows mean for the runs of this transaction."""
        for opened in self.transaction.opened.values() if handled.shown else ():
            for step_run, shown in handled.shown.items():
                if step_run in opened.draft.by_id:
                    _wait_show(opened, opened.draft.by_id[step_run], shown)
        for run_id, events in handled.history.items():
            self.transaction.change(run_id).history += [HistoryEvent(**one) for one in events]

    def _handle_all(self, opened: Opened) -> None:
        effects = opened.draft.effects[opened.handled :]
        opened.handled = len(opened.draft.effects)
        self._lock_if_needed(opened, effects)
        outputs_complete(self, opened)
        if opened.row.kind == "undo":
            change = self.transaction.change(opened.row.run_id)
            undo.undos_ended(opened, change, self.transaction.step_drafts())
        if _may_undo(opened):
            self.transaction.runs[opened.row.run_id].may_undo = True
        undo.undos_arm(opened)
        holds_release(self, opened)
        waiters_wake(self, opened)
        for effect in effects:
            self._handle(opened, effect)

    def _lock_if_needed(self, opened: Opened, effects: list[wish.Effect]) -> None:
        """Lock a scope from memory before other rows are touched: locks go inside out."""
        if not opened.is_held:
            return
        if all(isinstance(effect, _GATHERED) for effect in effects) and not any(
            status.undo is not None or opened.draft.node(status).spec.get("exclusive")
            for status in opened.draft.steps.values()
        ):
            return
        held = sorted(one.row.id for one in self.transaction.opened.values() if one.is_held)
        self.transaction.has_locks = True
        rows.cursor_open().execute(_LOCK, [held], prepare=True)
        for one in self.transaction.opened.values():
            one.is_held = False

    def _deliver(self) -> None:
        """Tell the scopes around what their bodies said, in the order it was said."""
        told: dict[UUID, list[Fact]] = {}
        runs: dict[UUID, UUID] = {}
        for inner, fact in self.up:
            if inner.row.parent_id is not None:
                told.setdefault(inner.row.parent_id, []).append(fact)
                runs[inner.row.parent_id] = inner.row.run_id
        self.up = []
        transaction = self.transaction
        unknown = {
            scope_id: run_id
            for scope_id, run_id in runs.items()
            if scope_id not in transaction.opened
            and transaction.open_held(run_id, scope_id) is None
        }
        if unknown:
            transaction.scopes_open(unknown, skip_locked=True)
        for scope_id, facts in told.items():
            outer = transaction.opened.get(scope_id)
            if outer is None:
                for fact in facts:
                    self.leave(scope_id, runs[scope_id], fact)
            else:
                transaction.tell(outer, transaction.inbox(outer) + facts)
                self.queue.append(outer)

    def _handle(self, opened: Opened, effect: wish.Effect) -> None:
        match effect:
            case wish.OpenScopes():
                self.bodies.open(opened, effect)
            case wish.OpenPending():
                self.bodies.open_pending(opened, effect)
            case wish.DropPending():
                self.bodies.drop_pending(effect.container)
            case wish.CancelScopes():
                self._cancel_scopes(opened, effect)
            case wish.TellParent():
                self.up.append((opened, effect.fact))
            case wish.TellScope():
                self.leave(effect.scope, opened.row.run_id, effect.fact)
            case wish.ScopeEnded():
                scope_ended(self, opened, effect)
            case wish.StartTimer():
                self._timer(opened, effect)
            case wish.DropTimers():
                timers_drop(effect.step_run, effect.name)
            case wish.Degraded():
                self.transaction.change(opened.row.run_id).degraded.append(
                    {"path": effect.path, "code": effect.code, "message": effect.message}
                )
            case wish.AskPeople():
                self.for_others.append(self._request(opened, effect))
            case wish.OpenWait() | wish.TakeEvent() | wish.CloseWaits():
                event_waits.carry_out(self, opened, effect)
            case wish.StartChild():
                child_start(self, opened, effect)
            case wish.CancelChild():
                child_cancel(self, effect)
            case wish.UndoSteps():
                revert.steps_undo(self, opened, effect)
            case wish.RollBack():
                child_roll_back(self, opened, effect)
            case wish.DropUndo():
                undo.undo_drop(effect.step_run)
            case _:
                self.for_others.append(effect)

    def leave(self, scope_id: UUID, run_id: UUID, fact: Fact, *, is_counted: bool = True) -> None:
        """Leave a fact in a scope's inbox; it is handled right after the commit."""
        self.inbox.append(
            {
                "run_id": str(run_id),
                "scope_id": str(scope_id),
                "fact": json_dump(fact_dump(fact)),
                "is_counted": is_counted,
            }
        )
        if is_counted:
            self.transaction.change(run_id).active += 1
        self.transaction.applied.touched[scope_id] = run_id

    def _cancel_scopes(self, opened: Opened, effect: wish.CancelScopes) -> None:
        cursor = rows.cursor_open()
        cursor.execute(_LIST_OPEN, [effect.container], prepare=True)
        fact = ScopeCancelled(why=effect.why, actor=effect.actor)
        known = {row[0] for row in cursor.fetchall()}
        known |= {
            one.row.id
            for one in self.transaction.opened.values()
            if one.is_new and one.row.container_id == effect.container
        }
        for scope_id in sorted(known):
            self.leave(scope_id, opened.row.run_id, fact)

    def _timer(self, opened: Opened, effect: wish.StartTimer) -> None:
        self.timers.append(rows.timer_row(effect, run_id=opened.row.run_id, scope_id=opened.row.id))
        self.transaction.applied.wakes.append(effect.due_at)

    def _request(self, opened: Opened, effect: wish.AskPeople) -> wish.RequestApproval:
        context = self.transaction.contexts[opened.row.run_id]
        request_id = uuid7()
        _wait_show(opened, opened.draft.by_id[effect.step_run], {"approval": str(request_id)})
        return wish.RequestApproval(
            id=request_id,
            run_id=opened.row.run_id,
            workspace_id=context.workspace_id,
            workflow_id=context.version.workflow_id,
            version_id=context.version.id,
            scope_id=opened.row.id,
            step_run_id=effect.step_run,
            path=effect.path,
            generation=effect.generation,
            reason=effect.reason,
            action=effect.action,
            digest=effect.digest,
            settings=effect.settings,
            why=effect.why,
            mode=context.mode,
            now=self.transaction.now,
        )

    def scope_update_row(self, opened: Opened) -> dict[str, Any]:
        """Give the record that writes a scope back."""
        draft = opened.draft
        return rows.record(
            id=str(draft.id),
            state=draft.state.value,
            closing=rows.text(draft.closing),
            slot=draft.slot,
            override=rows.text(draft.override),
            output=rows.text(opened.output),
            has_output=opened.has_output,
        )

    def runs_end(self, follows: list[RunFollow], write: Write) -> None:
        """Decide the end of each run whose last scope ended, then number all history."""
        ends = [follow for follow in follows if follow.end is not None]
        undoable = undo.runs_with_undos([one.run_id for one in ends if one.run.may_undo])
        if undoable:  # what is undone is marked so, also what ended in this transaction
            write.send_moves()
        for follow in follows:
            if follow.end is not None:
                ending.run_end(self, follow, has_undos=follow.run_id in undoable)
            follow.seal()

    def write(self, write: Write) -> None:
        """Add what was gathered to what the transaction writes."""
        self.bodies.write(write)
        write.facts += self.inbox
        write.timers += self.timers


def _wait_show(opened: Opened, status: StepDraft, shown: Mapping[str, JSON]) -> None:
    """Let a step that waits, and the record of that, say what is known only now."""
    if status.state is not StepState.WAITING:
        return
    status.waiting = {**(status.waiting or {}), **shown}
    for event in reversed(opened.draft.history):
        if event.type == "step.waiting" and event.path == status.path:
            event.data.update(shown)
            break


def _may_undo(opened: Opened) -> bool:
    """Tell whether a step that moved here may have recorded, since, what reverses it."""
    return any(
        status.is_changed and (status.effect != "none" or status.undo is not None)
        for status in (*opened.draft.steps.values(), *opened.draft.superseded)
    )


def timers_drop(step_run: UUID, name: str | None) -> None:
    """Remove a step run's timers, or only the one of that name."""
    cursor = rows.cursor_open()
    if name is None:
        statement = "DELETE FROM workflows_app_timer WHERE step_run_id = %s"
        cursor.execute(statement, [step_run], prepare=True)
    else:
        statement = "DELETE FROM workflows_app_timer WHERE step_run_id = %s AND name = %s"
        cursor.execute(statement, [step_run, name], prepare=True)


__all__ = ["Carrier", "timers_drop"]
