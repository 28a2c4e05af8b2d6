"""Where this app joins the engine: its kinds, its effects, its sweep."""

from approvals_app.live import RequestReader
from approvals_app.selectors.cover import check_facts
from approvals_app.services.autonomy import second_person_check
from approvals_app.services.emptied import emptied_sweep
from approvals_app.services.examine import facts_sweep
from approvals_app.services.expire import deadlines_sweep
from approvals_app.services.mail import messages_sweep
from approvals_app.services.open import approvals_open, approvals_withdraw
from approvals_app.services.relax import relax_judge
from approvals_app.steps import ApprovalKind, CheckpointKind
from workflows_app.core.effects import RequestApproval, WithdrawApproval
from workflows_app.core.kinds import register
from workflows_app.definition_hooks import register_check_facts, register_publishing
from workflows_app.gate_hooks import register_gate_judge
from workflows_app.live.inbox import register_inbox
from workflows_app.services.effects import register_effect_handler
from workflows_app.services.sweep import register_sweep


def plug_in() -> None:
    """Register everything; doing it twice changes nothing."""
    register(ApprovalKind())
    register(CheckpointKind())
    register_effect_handler(RequestApproval, approvals_open)
    register_effect_handler(WithdrawApproval, approvals_withdraw)
    register_gate_judge(relax_judge)
    register_check_facts(check_facts)
    register_inbox(RequestReader)
    register_publishing(second_person_check)
    register_sweep("approval deadlines", deadlines_sweep)
    register_sweep("approval messages", messages_sweep)
    register_sweep("approval facts", facts_sweep)
    register_sweep("approvals that nobody may answer", emptied_sweep)
