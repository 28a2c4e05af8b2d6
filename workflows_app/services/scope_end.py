"""What the end of a scope means: its output, the run's end, what the scope around it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows_app.core import effects as wish
from workflows_app.core.engine.draft import ENDED
from workflows_app.core.engine.flow import until_port
from workflows_app.core.expressions import ExpressionError
from workflows_app.core.facts import BodyEnded
from workflows_app.core.states import StepState
from workflows_app.services import revert
from workflows_app.services.batch import Opened, RunEnd
from workflows_app.services.bodies import body_output, last_output, map_items

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier


def outputs_complete(carrier: Carrier, opened: Opened) -> None:
    """Put the outputs of bodies into maps that ended, and into loops that were overtaken."""
    for status in opened.draft.steps.values():
        if not status.has_output or not isinstance(status.output, dict):
            continue
        if ENDED in (status.progress or {}) and status.state is not StepState.READY:
            continue  # complete since its body ended; a person may have changed it since
        primitive = opened.draft.node(status).kind.primitive
        if primitive == "map":
            items = map_items(opened, status.id)
            items += [None] * carrier.bodies.never_opened(status.id)
            status.output = {**status.output, "items": items}
        elif primitive == "loop" and until_port(opened.draft, status):
            status.output = {**status.output, "last": last_output(opened, status.id)}


def scope_ended(carrier: Carrier, opened: Opened, effect: wish.ScopeEnded) -> None:
    """Take note of a scope that ended: its output, and whom it tells."""
    context = carrier.transaction.contexts[opened.row.run_id]
    if opened.row.kind == "undo" and opened.row.parent_id is not None:
        carrier.up.append((opened, revert.undos_ended(opened)))
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
        carrier.transaction.change(opened.row.run_id).end = RunEnd(
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
    carrier.up.append((opened, ended))
