"""Carrying out what the core wished for: scopes, timers, inboxes, requests. Rows only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.engine.draft import ENDED
from workflows_app.core.engine.flow import until_port
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import BodyEnded, Fact, ScopeCancelled, ScopeOpened, fact_dump
from workflows_app.core.states import StepState
from workflows_app.identifiers import uuid7
from workflows_app.models.fields import json_dump
from workflows_app.services import ending, event_waits, kept, revert, rows, undo
from workflows_app.services.batch import Opened, RunEnd
from workflows_app.services.bodies import body_output, last_output, map_items
from workflows_app.services.children import child_cancel, child_roll_back, child_start
from workflows_app.services.effects import effects_handle
from workflows_app.services.holds import holds_release
from workflows_app.services.inline import InlineSteps
from workflows_app.services.provisional import waiters_wake

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
_TAKE_PENDING = """
UPDATE workflows_app_scope SET state = 'open', slot = 'held' WHERE id IN (
  SELECT id FROM workflows_app_scope WHERE container_id = %s AND state = 'pending'
  ORDER BY position LIMIT %s)
RETURNING id, run_id, parent_id, container_id, ancestors, kind, body, override, path, position,
  state, closing, slot, "values"
"""
NEVER_OPENED = {
    "outcome": "cancelled",
    "error": None,
    "is_cancelled": True,
    "never_opened": True,
}
_DROP_PENDING = """
UPDATE workflows_app_scope SET state = 'ended', slot = '', closing = %s
WHERE container_id = %s AND state = 'pending'
"""


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
        self.new_scopes: list[tuple[rows.ScopeRow, Opened | None]] = []
        self.pending: dict[UUID, deque[rows.ScopeRow]] = {}  # new, waiting for their turn
        self.dropped: dict[UUID, int] = {}  # of those, how many never had one
        self.timers: list[dict[str, Any]] = []
        self.for_others: list[wish.Effect] = []
        self.outputs: dict[UUID, JSON] = {}

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
        waits = effects_handle(self.for_others)
        for opened in self.transaction.opened.values() if waits else ():
            for step_run, shown in waits.items():
                if step_run in opened.draft.by_id:
                    _wait_show(opened, opened.draft.by_id[step_run], shown)

    def _handle_all(self, opened: Opened) -> None:
        effects = opened.draft.effects[opened.handled :]
        opened.handled = len(opened.draft.effects)
        self._lock_if_needed(opened, effects)
        self._complete_maps(opened)
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
                self._open(opened, effect)
            case wish.OpenPending():
                self._open_pending(opened, effect)
            case wish.DropPending():
                self._drop_pending(effect.container)
            case wish.CancelScopes():
                self._cancel_scopes(opened, effect)
            case wish.TellParent():
                self.up.append((opened, effect.fact))
            case wish.TellScope():
                self.leave(effect.scope, opened.row.run_id, effect.fact)
            case wish.ScopeEnded():
                self._scope_ended(opened, effect)
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

    def _open(self, opened: Opened, effect: wish.OpenScopes) -> None:
        ancestors = [*opened.row.ancestors, opened.row.id]
        takes_over = self._takes_over(opened, effect.container, effect.kind)
        for offset, values in enumerate(effect.values):
            position = effect.first + offset
            is_open = offset < effect.opened
            row = rows.ScopeRow(
                id=uuid7(),
                run_id=opened.row.run_id,
                parent_id=opened.row.id,
                container_id=effect.container,
                ancestors=ancestors,
                kind=effect.kind,
                body=effect.body,
                override=effect.override,
                path=effect.path if effect.kind == "group" else f"{effect.path}[{position}]",
                position=position,
                state="open" if is_open else "pending",
                closing=None,
                slot=effect.slot if is_open else "",
                values={**(opened.row.values or {}), **(values or {})},
                steps=[],
                inbox=[],
            )
            if is_open:
                self.new_scopes.append((row, self._begin(row, takes_over, is_new=True)))
            else:
                self.pending.setdefault(effect.container, deque()).append(row)

    def _takes_over(self, opened: Opened, container: UUID, kind: str) -> bool:
        """Tell whether the bodies of a container take results over from the run before."""
        context = self.transaction.contexts[opened.row.run_id]
        return kept.carries(opened, context, opened.draft.by_id[container], kind)

    def _begin(self, row: rows.ScopeRow, takes_over: bool, *, is_new: bool) -> Opened:
        opened = self.transaction.open(row, is_new=is_new)
        if takes_over:
            self.transaction.runs[row.run_id].may_undo = True  # undos come with the results
            kept.scope_keep(opened, self.transaction.contexts[row.run_id])
        advance(opened.draft, ScopeOpened())
        slot_report(opened.draft)
        self.queue.append(opened)
        return opened

    def _open_pending(self, opened: Opened, effect: wish.OpenPending) -> None:
        takes_over = self._takes_over(opened, effect.container, "item")
        left = effect.count
        if not self._is_new(opened, effect.container):
            cursor = rows.cursor_open()
            cursor.execute(_TAKE_PENDING, [effect.container, effect.count], prepare=True)
            found = sorted((_pending(row) for row in cursor.fetchall()), key=_position)
            left -= len(found)
            for row in found:
                self._begin(row, takes_over, is_new=False)
        waiting = self.pending.get(effect.container, ())
        for _ in range(min(left, len(waiting))):
            row = waiting.popleft()  # type: ignore[union-attr]
            row.state, row.slot = "open", "held"
            self.new_scopes.append((row, self._begin(row, takes_over, is_new=True)))

    def _is_new(self, opened: Opened, container: UUID) -> bool:
        """Tell whether a container's bodies are all of this transaction, in no row yet."""
        before = opened.before.get(container)
        status = opened.draft.by_id[container]
        return before is None or (before[1] is not None and status.is_container)

    def _drop_pending(self, container: UUID) -> None:
        values = [rows.text(NEVER_OPENED), container]
        rows.cursor_open().execute(_DROP_PENDING, values, prepare=True)
        for row in self.pending.pop(container, ()):
            row.state, row.closing = "ended", NEVER_OPENED
            self.new_scopes.append((row, None))
            self.dropped[container] = self.dropped.get(container, 0) + 1

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

    def _complete_maps(self, opened: Opened) -> None:
        """Put the outputs of bodies into maps that ended, and into loops that were overtaken."""
        for status in opened.draft.steps.values():
            if not status.has_output or not isinstance(status.output, dict):
                continue
            if ENDED in (status.progress or {}) and status.state is not StepState.READY:
                continue  # complete since its body ended; a person may have changed it since
            primitive = opened.draft.node(status).kind.primitive
            if primitive == "map":
                items = map_items(opened, status.id)
                never = self.dropped.get(status.id, 0) + len(self.pending.get(status.id, ()))
                items += [None] * never
                status.output = {**status.output, "items": items}
            elif primitive == "loop" and until_port(opened.draft, status):
                status.output = {**status.output, "last": last_output(opened, status.id)}

    def _scope_ended(self, opened: Opened, effect: wish.ScopeEnded) -> None:
        context = self.transaction.contexts[opened.row.run_id]
        if opened.row.kind == "undo" and opened.row.parent_id is not None:
            self.up.append((opened, revert.undos_ended(opened)))
            return
        outcome, error, output = effect.outcome, effect.error, None
        if outcome not in ("error", "cancelled") and not effect.is_cancelled:
            try:
                output = body_output(opened, context)
            except ExpressionError as problem:
                outcome = "error"
                error = {
                    "code": "output_error",
                    "message": f"the output could not be made: {problem.message}",
                    "path": opened.row.path,
                }
        opened.output, opened.has_output = output, True
        opened.draft.closing = {**opened.draft.closing, "outcome": outcome, "error": error}
        if opened.row.parent_id is None:
            self.transaction.change(opened.row.run_id).end = RunEnd(
                outcome=outcome,
                error=error,
                is_cancelled=effect.is_cancelled,
                output=output,
                scope_kind=opened.row.kind,
            )
            return
        ended = BodyEnded(
            step_run=opened.row.container_id,  # type: ignore[arg-type]
            scope=opened.row.id,
            position=opened.row.position or 0,
            outcome=outcome,
            error=error,
            is_cancelled=effect.is_cancelled,
            had_slot=opened.draft.slot == "held",
            awaited_slot=opened.draft.slot == "queued" and opened.draft.has_asked,
        )
        self.up.append((opened, ended))

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
        waiting = [(row, None) for rows_ in self.pending.values() for row in rows_]
        for row, opened in [*self.new_scopes, *waiting]:
            now: dict[str, Any] = {}
            if opened is not None:
                now = {
                    "state": opened.draft.state.value,
                    "closing": rows.text(opened.draft.closing),
                    "output": rows.text(opened.output),
                    "slot": opened.draft.slot,
                }
            write.scopes.append(rows.scope_insert_row(row, **now))
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


def _pending(row: Sequence[Any]) -> rows.ScopeRow:
    return rows.ScopeRow(
        id=row[0],
        run_id=row[1],
        parent_id=row[2],
        container_id=row[3],
        ancestors=list(row[4] or ()),
        kind=row[5],
        body=row[6],
        override=rows.load(row[7]),
        path=row[8],
        position=row[9],
        state=row[10],
        closing=rows.load(row[11]),
        slot=row[12],
        values=rows.load(row[13]),
        steps=[],
        inbox=[],
    )


def _position(row: rows.ScopeRow) -> int:
    return row.position or 0


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
