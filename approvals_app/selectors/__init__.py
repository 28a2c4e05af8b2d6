"""Reads, each for one actor: who was asked, and what they may see of it."""

from approvals_app.selectors.requests import approval_get, approval_list, inbox_counts

__all__ = [
    "approval_get",
    "approval_list",
    "inbox_counts",
]
