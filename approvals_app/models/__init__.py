"""The tables of approvals."""

from approvals_app.models.beside import Comment, Cover, MailLink, Notice, Snooze
from approvals_app.models.requests import (
    ApprovalRequest,
    Delegation,
    Edit,
    SeenMark,
    UndoneVote,
    Vote,
)

__all__ = [
    "ApprovalRequest",
    "Comment",
    "Cover",
    "Delegation",
    "Edit",
    "MailLink",
    "Notice",
    "SeenMark",
    "Snooze",
    "UndoneVote",
    "Vote",
]
