"""Reads, each for one actor: who was asked, and what they may see of it."""

from approvals_app.selectors.requests import COUNTED, approval_get, approval_list, waiting_count

__all__ = [
    "COUNTED",
    "approval_get",
    "approval_list",
    "waiting_count",
]
