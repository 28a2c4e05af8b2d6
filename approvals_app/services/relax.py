"""Judge what comes to a relaxed gate: let it pass, or ask all the same and say why."""

from datetime import datetime

from django.db import transaction

from approvals_app.core.gates import gate_of_path
from approvals_app.core.sampling import draw
from approvals_app.models import GateStop, RelaxedPass
from approvals_app.selectors.relaxed import Relaxation, relaxation_of, stop_find
from approvals_app.services import record
from workflows_app.core.expressions import ExpressionError
from workflows_app.gate_hooks import GateCase, Ruling
from workflows_app.models import Workflow
from workflows_app.services.history import app_event_record, history_append


def relax_judge(case: GateCase) -> Ruling:
    """Tell whether people are asked about a proposal at a relaxed gate.

    They are where it is critical, where the rule says so or cannot be answered, once the rule
    no longer stands on its evidence, and for a share that depends on the proposal's key alone.
    """
    if case.settings.get("risk") == "critical":
        return Ruling(asks=True, why="critical is always asked")
    try:
        if not case.holds():
            return Ruling(asks=True)
    except ExpressionError as error:
        return Ruling(asks=True, why=f"its rule could not be answered: {error.message}")
    gate = gate_of_path(case.path, case.action.get("tool"))
    relaxation = relaxation_of(case.version_id, gate)
    if relaxation is not None and case.mode == "live":
        stop = stop_find(relaxation)
        if stop is not None:
            _stop_record(relaxation, *stop)
            return Ruling(asks=True, why=stop[1])
    share = float(case.relax.get("sample", 0.05))
    drawn = draw(case.run_id, case.path, case.generation)
    if drawn < share:
        why = f"sampled: {share:.0%} of what the rule lets pass is asked all the same"
        return Ruling(asks=True, why=why, more={"sampled": True})
    _pass_record(case, gate, share, drawn)
    return Ruling(asks=False)


@transaction.atomic
def _pass_record(case: GateCase, gate: str, share: float, drawn: float) -> None:
    """Write that nobody was asked, once however often the step is prepared."""
    now = record.database_now()
    rule = str(case.relax["when"])
    _, is_new = RelaxedPass.objects.get_or_create(
        step_run=case.step_run_id,
        defaults={
            "workflow_id": case.workflow_id,
            "version_id": case.version_id,
            "run_id": case.run_id,
            "gate": gate,
            "path": case.path,
            "digest": case.digest,
            "rule": rule,
            "at": now,
        },
    )
    if is_new:
        event = {
            "type": "approval.passed",
            "path": case.path,
            "generation": case.generation,
            "actor": "rule",
            "why": rule,
            "data": {"digest": case.digest, "sample": share, "drawn": round(drawn, 6)},
        }
        history_append(run_id=case.run_id, events=[event])


def _stop_record(relaxation: Relaxation, code: str, why: str) -> None:
    """Note once that the rule stopped, with an audit event."""
    now: datetime = record.database_now()
    with transaction.atomic():
        _, is_new = GateStop.objects.get_or_create(
            workflow_id=relaxation.workflow_id,
            gate=relaxation.gate,
            since=relaxation.since,
            at_version=relaxation.number,
            defaults={"code": code, "why": why, "at": now},
        )
        if is_new:
            workflow = Workflow.objects.select_related("workspace").get(pk=relaxation.workflow_id)
            app_event_record(
                workspace=workflow.workspace,
                type=f"gate.{code}",
                object=f"workflow:{workflow.slug}",
                actor="engine",
                why=why,
                data={"gate": relaxation.gate, "version": relaxation.number},
            )
