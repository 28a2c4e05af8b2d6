"""What one person answered: its identity, and what it lacks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from approvals_app.core.policy import wants_reason
from approvals_app.core.states import Trigger
from workflows_app.core.canonical import digest

JSON = Any
TRIGGERS = {
    "approve": Trigger.APPROVE,
    "change": Trigger.APPROVE,
    "reject": Trigger.REJECT,
    "take_over": Trigger.TAKE_OVER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The body of a decision; None is "not given".

    `digest` is the action's, as the person saw it.
    """

    decision: str
    digest: str
    reason: str = ""
    arguments: JSON = None
    label: JSON = None
    output: JSON = None
    changes: JSON = None

    @property
    def given(self) -> dict[str, JSON]:
        """Give what the answer carries beside yes or no."""
        parts = {
            "arguments": self.arguments,
            "label": self.label,
            "output": self.output,
            "changes": self.changes,
        }
        return {name: value for name, value in parts.items() if value is not None}

    @property
    def body_digest(self) -> str:
        """Give what tells a repeat from another answer."""
        head = {"decision": self.decision, "digest": self.digest, "reason": self.reason}
        return digest({**head, **self.given})

    def agreed_digest(self, action_digest: str) -> str:
        """Give what others must answer too for their votes to count together.

        An edit counts by the action it leads to, so that whoever approves the edited action
        agrees with whoever edited it.
        """
        rest = {name: value for name, value in self.given.items() if name != "arguments"}
        return digest({"decision": self.decision, "action": action_digest, **rest})


def accepts(decisions: frozenset[str], answer: Answer) -> bool:
    """Tell whether the gate offers this answer.

    `edit`, `label` and `answer` are approvals with something added; a gate that offers only
    those takes no bare approval.
    """
    if answer.decision in decisions:
        return True
    if answer.decision != "approve":
        return False
    return (
        ("edit" in decisions and answer.arguments is not None)
        or ("label" in decisions and answer.label is not None)
        or ("answer" in decisions and answer.output is not None)
    )


def problems(answer: Answer, *, risk: str) -> list[dict[str, str]]:
    """Give what the answer lacks, as problems with a pointer into its body."""
    found = []
    if wants_reason(decision=answer.decision, risk=risk) and not answer.reason.strip():
        why = "A rejection" if answer.decision == "reject" else f"A decision at {risk} risk"
        found.append(_problem("reason_missing", "/reason", f"{why} needs a reason."))
    if answer.decision == "change" and not isinstance(answer.changes, Mapping):
        found.append(_problem("changes_missing", "/changes", "Say what to skip or to set."))
    if answer.decision == "take_over" and answer.arguments is not None:
        message = "Who takes a step over gives its output; arguments are for approving."
        found.append(_problem("arguments_unused", "/arguments", message))
    if answer.changes is not None and answer.decision != "change":
        found.append(_problem("changes_unused", "/changes", "Changes need the decision change."))
    return found


def _problem(code: str, pointer: str, message: str) -> dict[str, str]:
    return {"code": code, "pointer": pointer, "message": message}
