"""The pages of approvals: the inbox, one request, and what can be done about it."""

from approvals_app.views.actions import (
    decide_view,
    edit_view,
    hold_view,
    seen_view,
    undo_view,
)
from approvals_app.views.autonomy import autonomy_view, gate_draft_view
from approvals_app.views.batch import batch_open_view, batch_pick_view, batch_view
from approvals_app.views.beside import comment_view, delegate_view, escalate_view, snooze_view
from approvals_app.views.cover import (
    calendar_view,
    cover_end_view,
    cover_view,
    escalation_view,
    reassign_view,
)
from approvals_app.views.mail import mail_view
from approvals_app.views.pages import detail_view, inbox_view, waiting_view

__all__ = [
    "autonomy_view",
    "batch_open_view",
    "batch_pick_view",
    "batch_view",
    "calendar_view",
    "comment_view",
    "cover_end_view",
    "cover_view",
    "decide_view",
    "delegate_view",
    "detail_view",
    "edit_view",
    "escalate_view",
    "escalation_view",
    "gate_draft_view",
    "hold_view",
    "inbox_view",
    "mail_view",
    "reassign_view",
    "seen_view",
    "snooze_view",
    "undo_view",
    "waiting_view",
]
