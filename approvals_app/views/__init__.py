"""The pages of approvals: the inbox, one request, and what can be done about it."""

from approvals_app.views.actions import (
    decide_view,
    delegate_view,
    edit_view,
    escalate_view,
    seen_view,
    undo_view,
)
from approvals_app.views.pages import detail_view, inbox_view

__all__ = [
    "decide_view",
    "delegate_view",
    "detail_view",
    "edit_view",
    "escalate_view",
    "inbox_view",
    "seen_view",
    "undo_view",
]
