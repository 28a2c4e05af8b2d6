"""Steps that share the commit of what made them ready: no claim of their own, no round trip.

Pure steps do. So do calls that stay inside this process, change nothing and are known to end at
once, as long as no lock is held and whatever else the transaction is to write came from such
steps too: were the process to die, nothing but them would be carried out again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import local
from typing import TYPE_CHECKING, Any

from django.db import connections

from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.facts import Fact
from workflows_app.core.graph import Node
from workflows_app.core.states import StepState
from workflows_app.services.batch import Claim, Opened
from workflows_app.services.claiming import may_claim, step_claim
from workflows_app.services.execute import step_execute
from workflows_app.services.pace import Pace
from workflows_app.services.prepare import claim_places, claim_prepare, node_refs
from workflows_app.services.prepared import Prepared
from workflows_app.services.step_limit import is_spent
from workflows_app.services.values import results_load, results_overlay

if TYPE_CHECKING:
    from workflows_app.services.transaction import Transaction

STEPS = 1_000  # carried out in one transaction
SECONDS = 0.05  # for so long: whoever waits for the same locks waits no longer
UNLOCKED = 0.2  # where no lock is held yet, and only the run itself waits
_ALIAS = "default"
# What has one of these asks, waits, or writes rows of its own before it acts.
_GATES = (
    *("approval", "review", "guardrails", "exclusive", "cache", "until", "timeout"),
    *("undo", "effect"),
)
_spare = local()


class InlineSteps:
    """Carries out steps that become ready in a worker's transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.pace = transaction.pace
        self.left = STEPS
        self.begun = time.monotonic()
        self.may_call = all(given.is_brief for given in transaction.facts)

    def run(self, opened: Opened) -> bool:
        """Carry out what became ready in a scope; False when that was nothing."""
        if self.transaction.is_careful or not may_claim(self.transaction, opened.row.run_id):
            return False
        ready = [
            status
            for status in opened.draft.steps.values()
            if (status.is_new or opened.begins)
            and status.state is StepState.READY
            and not status.is_held
            and self._is_inline(opened, opened.draft.node(status))
        ]
        if ready and is_spent(self.transaction, opened.row.run_id):
            return False
        for number, status in enumerate(ready):
            if self.left <= 0 or self._is_late():
                return number > 0
            self._run(opened, status)
        return bool(ready)

    def _is_late(self) -> bool:
        limit = SECONDS if self.transaction.has_locks else UNLOCKED
        return time.monotonic() - self.begun > limit

    def _is_inline(self, opened: Opened, node: Node) -> bool:
        may_call = self.may_call and not self.transaction.has_locks
        pins = self.transaction.contexts[opened.row.run_id].version.pins
        return is_inline(node, pins, self.pace if may_call else None)

    def _run(self, opened: Opened, status: StepDraft) -> None:
        transaction = self.transaction
        worker = transaction.worker or "engine"
        claim = step_claim(transaction, opened, status)
        self.left -= 1
        missing = [place for place in claim_places(claim) if place not in claim.known]
        loaded = results_load(missing) | claim.known
        refs = node_refs(claim.node)  # what was read is as it was before this transaction
        results = results_overlay(opened.draft, opened.row.id, refs, loaded)
        prepared = claim_prepare(claim, results, worker=worker)
        if prepared is None:  # only what has an effect can be lost while it is prepared
            raise AssertionError(claim.path)
        if isinstance(prepared, Prepared):
            prepared = self._execute(claim, prepared, worker)
        transaction.tell(opened, [prepared])

    def _execute(self, claim: Claim, prepared: Prepared, worker: str) -> Fact:
        if claim.node.kind.primitive == "pure" or self.pace is None:
            return step_execute(prepared, worker=worker, is_short=True)
        with self.pace.inline(claim.node), _connection_apart():
            return step_execute(prepared, worker=worker, is_short=True)


def is_inline(node: Node, pins: Any, pace: Pace | None) -> bool:
    """Tell whether a step needs no claim; without a pace, only what is pure needs none."""
    if any(map(node.spec.get, _GATES)):
        return False
    if node.kind.primitive == "pure":
        return True
    return (
        pace is not None
        and node.kind.primitive == "call"
        and pace.is_brief(node)
        and stays_inside(node, pins)
    )


def stays_inside(node: Node, pins: Any) -> bool:
    """Tell whether a step may be carried out again without anybody outside noticing."""
    return node.kind.primitive == "pure" or node.kind.stays_inside(node.settings, pins or {})


@contextmanager
def _connection_apart() -> Iterator[None]:
    """Give what is called a database connection of its own, made only if it asks for one."""
    spare = getattr(_spare, "connection", None)
    if spare is None:
        spare = _spare.connection = connections.create_connection(_ALIAS)
    own = connections[_ALIAS]
    connections[_ALIAS] = spare
    try:
        yield
    finally:
        connections[_ALIAS] = own
        if spare.connection is not None:
            spare.close()
