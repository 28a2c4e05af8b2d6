"""Carrying out what the core wished for: scopes, timers, inboxes, requests. Rows only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg

from workflows_app.core import effects as wish
from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.engine.flow import until_port
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import BodyEnded, Fact, ScopeCancelled, ScopeOpened, fact_dump
from workflows_app.identifiers import uuid7
from workflows_app.models.fields import json_dump
from workflows_app.services import ending, event_waits, kept, rows, undo
from workflows_app.services.batch import Opened, RunEnd
from workflows_app.services.bodies import body_output, last_output, map_items
from workflows_app.services.children import child_cancel, child_start
from workflows_app.services.effects import effects_handle
from workflows_app.services.holds import holds_release

if TYPE_CHECKING:
    from workflows_app.services.apply import _Transaction
    from workflows_app.services.run_row import RunFollow

JSON = Any
_LIST_OPEN = """
SELECT id FROM workflows_app_scope
WHERE container_id = %s AND state IN ('open', 'closing') ORDER BY id
"""
_TAKE_PENDING = """
UPDATE workflows_app_scope SET state = 'open', slot = 'held' WHERE id IN (
  SELECT id FROM workflows_app_scope WHERE container_id = %s AND state = 'pending'
  ORDER BY position LIMIT %s)
RETURNING id, run_id, parent_id, container_id, ancestors, kind, body, override, path, position,
  state, closing, slot, "values"
"""
_DROP_PENDING = """
UPDATE workflows_app_scope SET state = 'ended', slot = '',
  closing = '{"outcome":"cancelled","error":null,"is_cancelled":true,"never_opened":true}'
WHERE container_id = ANY(%s) AND state = 'pending'
"""


class Carrier:
    """Gathers the rows that effects ask for, scope by scope, and writes them once."""

    def __init__(self, transaction: _Transaction) -> None:
        self.transaction = transaction
        self.inbox: list[dict[str, Any]] = []
        self.new_scopes: list[tuple[rows.ScopeRow, Opened | None]] = []
        self.timers: list[dict[str, Any]] = []
        self.for_others: list[wish.Effect] = []
        self.outputs: dict[UUID, JSON] = {}

    def carry_out(self) -> None:
        """Handle every effect of every scope, also those of scopes opened on the way."""
        index = 0
        while index < len(self.transaction.opened):
            opened = self.transaction.opened[index]
            self._complete_maps(opened)
            if opened.row.kind == "undo":
                undo.undos_ended(opened, self.transaction.change(opened.row.run_id))
            undo.undos_arm(opened)
            holds_release(self, opened)
            for effect in opened.draft.effects:
                self._handle(opened, effect)
            index += 1
        effects_handle(self.for_others)

    def _handle(self, opened: Opened, effect: wish.Effect) -> None:
        match effect:
            case wish.OpenScopes():
                self._open(opened, effect)
            case wish.OpenPending():
                self._open_pending(opened, effect)
            case wish.DropPending():
                rows.cursor_open().execute(_DROP_PENDING, [[effect.container]], prepare=True)
            case wish.CancelScopes():
                self._cancel_scopes(opened, effect)
            case wish.TellParent():
                if opened.row.parent_id is not None:
                    self.leave(opened.row.parent_id, opened.row.run_id, effect.fact)
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
            case wish.UndoNow():
                undo.undo_request(effect.step_run)
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
            begun = self._begin(row, takes_over, is_new=True) if is_open else None
            self.new_scopes.append((row, begun))

    def _takes_over(self, opened: Opened, container: UUID, kind: str) -> bool:
        """Tell whether the bodies of a container take results over from the run before."""
        context = self.transaction.contexts[opened.row.run_id]
        return kept.carries(opened, context, opened.draft.by_id[container], kind)

    def _begin(self, row: rows.ScopeRow, takes_over: bool, *, is_new: bool) -> Opened:
        transaction = self.transaction
        generations = next(
            one.draft.generations for one in transaction.opened if one.row.run_id == row.run_id
        )
        opened = transaction.open(row, generations, is_new=is_new)
        if takes_over:
            kept.scope_keep(opened, transaction.contexts[row.run_id])
        advance(opened.draft, ScopeOpened())
        slot_report(opened.draft)
        return opened

    def _open_pending(self, opened: Opened, effect: wish.OpenPending) -> None:
        cursor = rows.cursor_open()
        cursor.execute(_TAKE_PENDING, [effect.container, effect.count], prepare=True)
        found = sorted((rows.scope_row(row) for row in cursor.fetchall()), key=_position)
        takes_over = self._takes_over(opened, effect.container, "item")
        for row in found:
            self._begin(row, takes_over, is_new=False)

    def _cancel_scopes(self, opened: Opened, effect: wish.CancelScopes) -> None:
        cursor = rows.cursor_open()
        cursor.execute(_LIST_OPEN, [effect.container], prepare=True)
        fact = ScopeCancelled(why=effect.why, actor=effect.actor)
        known = {row[0] for row in cursor.fetchall()}
        known |= {
            one.row.id
            for one in self.transaction.opened
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
        for status in opened.draft.steps.values():
            if status.id == effect.step_run:
                status.waiting = {**(status.waiting or {}), "approval": str(request_id)}
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
            primitive = opened.draft.node(status).kind.primitive
            if primitive == "map":
                status.output = {**status.output, "items": list(map_items(status.id))}
            elif primitive == "loop" and until_port(opened.draft, status):
                status.output = {**status.output, "last": last_output(status.id)}

    def _scope_ended(self, opened: Opened, effect: wish.ScopeEnded) -> None:
        context = self.transaction.contexts[opened.row.run_id]
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
        elif outcome == "error" and error is None:
            error = {"code": "error", "message": "an end step failed it", "path": opened.row.path}
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
        self.leave(
            opened.row.parent_id,
            opened.row.run_id,
            BodyEnded(
                step_run=opened.row.container_id,  # type: ignore[arg-type]
                scope=opened.row.id,
                position=opened.row.position or 0,
                outcome=outcome,
                error=error,
                is_cancelled=effect.is_cancelled,
                had_slot=opened.row.slot == "held" or opened.draft.slot == "held",
            ),
        )

    def scope_update_row(self, opened: Opened) -> dict[str, Any]:
        """Give the recordset row that writes a scope back."""
        draft = opened.draft
        return {
            "id": str(draft.id),
            "state": draft.state.value,
            "closing": None if draft.closing is None else json_dump(draft.closing),
            "slot": draft.slot,
            "override": None if draft.override is None else json_dump(draft.override),
            "output": None if opened.output is None else json_dump(opened.output),
            "has_output": opened.has_output,
        }

    def runs_end(self, follows: list[RunFollow]) -> None:
        """Decide the end of each run whose last scope ended, then number all history."""
        ends = [follow.run_id for follow in follows if follow.end is not None]
        undoable = undo.runs_with_undos(ends)
        for follow in follows:
            if follow.end is not None:
                ending.run_end(self, follow, has_undos=follow.run_id in undoable)
            follow.seal()

    def write(self, cursor: psycopg.Cursor[Any]) -> None:
        """Send what was gathered, inside the caller's pipeline."""
        by_ancestors: dict[tuple[UUID, ...], list[dict[str, Any]]] = {}
        for row, opened in self.new_scopes:
            inserted = _scope_insert_row(row, opened)
            by_ancestors.setdefault(tuple(row.ancestors), []).append(inserted)
        for ancestors, scopes in by_ancestors.items():
            rows.execute(cursor, rows.INSERT_SCOPES, scopes, ancestors=list(ancestors))
        rows.execute(cursor, rows.INSERT_INBOX, self.inbox)
        rows.execute(cursor, rows.INSERT_TIMERS, self.timers)


def _position(row: rows.ScopeRow) -> int:
    return row.position or 0


def _scope_insert_row(row: rows.ScopeRow, opened: Opened | None) -> dict[str, Any]:
    draft = opened.draft if opened else None
    closing = draft.closing if draft else None
    return {
        "id": str(row.id),
        "run_id": str(row.run_id),
        "parent_id": str(row.parent_id) if row.parent_id else None,
        "container_id": str(row.container_id) if row.container_id else None,
        "kind": row.kind,
        "body": row.body,
        "override": None if row.override is None else json_dump(row.override),
        "path": row.path,
        "position": row.position,
        "state": draft.state.value if draft else row.state,
        "closing": None if closing is None else json_dump(closing),
        "values": json_dump(row.values or {}),
        "output": json_dump(opened.output) if opened and opened.output is not None else None,
        "slot": draft.slot if draft else row.slot,
    }


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
