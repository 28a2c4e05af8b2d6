"""Pure steps share the commit of what made them ready: no claim of their own, no round trip."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.graph import Node
from workflows_app.core.states import StepState
from workflows_app.services.batch import Opened
from workflows_app.services.execute import step_execute
from workflows_app.services.prepare import Prepared, claim_places, claim_prepare, node_refs
from workflows_app.services.step_limit import is_spent
from workflows_app.services.values import results_load, results_overlay

if TYPE_CHECKING:
    from workflows_app.services.transaction import Transaction

STEPS = 300  # carried out in one transaction
SECONDS = 0.05  # for so long: whoever waits for the same locks waits no longer
# What has one of these asks, waits, or writes rows of its own before it acts.
_GATES = (
    *("approval", "review", "guardrails", "exclusive", "cache", "until", "timeout"),
    *("undo", "effect"),
)


class PureSteps:
    """Carries out the pure steps that become ready in a worker's transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self.transaction = transaction
        self.left = STEPS
        self.until = time.monotonic() + SECONDS

    def run(self, opened: Opened) -> bool:
        """Carry out what became ready in a scope; False when that was nothing."""
        if self.transaction.is_careful or not self.transaction.may_claim(opened.row.run_id):
            return False
        ready = [
            status
            for status in opened.draft.steps.values()
            if status.is_new
            and status.state is StepState.READY
            and not status.is_held
            and _is_pure(opened.draft.node(status))
        ]
        if ready and is_spent(self.transaction, opened.row.run_id):
            return False
        for number, status in enumerate(ready):
            if self.left <= 0 or time.monotonic() > self.until:
                return number > 0
            self._run(opened, status)
        return bool(ready)

    def _run(self, opened: Opened, status: StepDraft) -> None:
        transaction = self.transaction
        worker = transaction.worker or "engine"
        claim = transaction.claim(opened, status)
        self.left -= 1
        missing = [place for place in claim_places(claim) if place not in claim.known]
        loaded = results_load(missing) | claim.known
        refs = node_refs(claim.node)  # what was read is as it was before this transaction
        results = results_overlay(opened.draft, opened.row.id, refs, loaded)
        prepared = claim_prepare(claim, results, worker=worker)
        if isinstance(prepared, Prepared):
            prepared = step_execute(prepared, worker=worker, is_short=True)
        if prepared is None:  # only what has an effect can be lost while it is prepared
            raise AssertionError(claim.path)
        transaction.tell(opened, [prepared])


def _is_pure(node: Node) -> bool:
    return node.kind.primitive == "pure" and not any(map(node.spec.get, _GATES))
