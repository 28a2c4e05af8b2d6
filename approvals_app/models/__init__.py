"""The tables of approvals."""

from approvals_app.models.beside import Comment, Cover, MailLink, Notice, SeenMark, Snooze
from approvals_app.models.calendars import Calendar
from approvals_app.models.learning import GateStop, RelaxedPass
from approvals_app.models.requests import (
    ApprovalRequest,
    Delegation,
    Edit,
    UndoneVote,
    Vote,
)

__all__ = [
    "ApprovalRequest",
    "Calendar",
    "Comment",
    "Cover",
    "Delegation",
    "Edit",
    "GateStop",
    "MailLink",
    "Notice",
    "RelaxedPass",
    "SeenMark",
    "Snooze",
    "UndoneVote",
    "Vote",
]
