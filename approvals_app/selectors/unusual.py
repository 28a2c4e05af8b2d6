"""What is odd about a request: said on its page, and a reason to read it by itself."""

from typing import Any

from approvals_app.core import shown
from approvals_app.models import ApprovalRequest

JSON = Any
MOST = 3


def warnings_of(request: ApprovalRequest, arguments: JSON) -> list[str]:
    """Give what is odd about the request itself, most surprising first."""
    found = []
    hidden = sum(part.is_hidden for field in shown.rows(arguments) for part in field.parts)
    if hidden:
        what = "One character in it" if hidden == 1 else f"{hidden} characters in it"
        found.append(f"{what} cannot be seen; the fields name it where it stands.")
    if request.previous_id:
        found.append("It was asked before, and what would run has changed since.")
    if request.confidence is None and request.reason == "approval":
        found.append("The agent gave no confidence.")
    return found[:MOST]
