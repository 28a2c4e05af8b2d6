"""Opening the bodies of containers: now, when their turn comes, or never."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from workflows_app.core import effects as wish
from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.facts import ScopeOpened
from workflows_app.identifiers import uuid7
from workflows_app.services import kept, rows
from workflows_app.services.batch import Opened

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier
    from workflows_app.services.storage import Write

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


class BodiesOpen:
    """The scopes that one transaction opens, or leaves waiting for their turn."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.new_scopes: list[tuple[rows.ScopeRow, Opened | None]] = []
        self.pending: dict[UUID, deque[rows.ScopeRow]] = {}  # new, waiting for their turn
        self.dropped: dict[UUID, int] = {}  # of those, how many never had one

    def open(self, opened: Opened, effect: wish.OpenScopes) -> None:
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
        context = self.carrier.transaction.contexts[opened.row.run_id]
        return kept.carries(opened, context, opened.draft.by_id[container], kind)

    def _begin(self, row: rows.ScopeRow, takes_over: bool, *, is_new: bool) -> Opened:
        opened = self.carrier.transaction.open(row, is_new=is_new)
        if takes_over:
            self.carrier.transaction.runs[row.run_id].may_undo = True  # undos come with the results
            kept.scope_keep(opened, self.carrier.transaction.contexts[row.run_id])
        advance(opened.draft, ScopeOpened())
        slot_report(opened.draft)
        self.carrier.queue.append(opened)
        return opened

    def open_pending(self, opened: Opened, effect: wish.OpenPending) -> None:
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

    def drop_pending(self, container: UUID) -> None:
        values = [rows.text(NEVER_OPENED), container]
        rows.cursor_open().execute(_DROP_PENDING, values, prepare=True)
        for row in self.pending.pop(container, ()):
            row.state, row.closing = "ended", NEVER_OPENED
            self.new_scopes.append((row, None))
            self.dropped[container] = self.dropped.get(container, 0) + 1

    def never_opened(self, container: UUID) -> int:
        """Count the bodies of a container that are of this transaction and were not opened."""
        return self.dropped.get(container, 0) + len(self.pending.get(container, ()))

    def write(self, write: Write) -> None:
        """Add the new scopes, as they are by now, to what the transaction writes."""
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
