"""How states, kinds and risks look: an icon, a word and a colour family each.

Colour means state, shape means kind; every state also has its own icon and word.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Look:
    """A family is idle, run, human, wait, ok or fail."""

    icon: str
    word: str
    family: str


RUN_LOOKS = {
    "queued": Look("circle-dot", "Queued", "idle"),
    "running": Look("circle-play", "Running", "run"),
    "waiting": Look("hourglass", "Waiting", "wait"),
    "paused": Look("circle-pause", "Paused", "idle"),
    "cancelling": Look("circle-slash", "Cancelling", "idle"),
    "compensating": Look("undo-2", "Compensating", "wait"),
    "succeeded": Look("circle-check", "Succeeded", "ok"),
    "failed": Look("octagon-x", "Failed", "fail"),
    "cancelled": Look("circle-slash", "Cancelled", "idle"),
    "timed_out": Look("alarm-clock", "Timed out", "fail"),
    "compensated": Look("undo-2", "Compensated", "wait"),
}
STEP_LOOKS = {
    "pending": Look("circle-dashed", "Pending", "idle"),
    "ready": Look("circle-dot", "Ready", "idle"),
    "running": Look("circle-play", "Running", "run"),
    "waiting": Look("hourglass", "Waiting", "wait"),
    "succeeded": Look("circle-check", "Succeeded", "ok"),
    "failed": Look("octagon-x", "Failed", "fail"),
    "skipped": Look("skip-forward", "Skipped", "idle"),
    "cancelled": Look("circle-slash", "Cancelled", "idle"),
    "timed_out": Look("alarm-clock", "Timed out", "fail"),
    "compensating": Look("undo-2", "Compensating", "wait"),
    "compensated": Look("undo-2", "Compensated", "wait"),
}
WAIT_LOOKS = {
    "approval": Look("hand", "Waiting for approval", "human"),
    "review": Look("hand", "Waiting for review", "human"),
    "checkpoint": Look("hand", "Waiting at a checkpoint", "human"),
    "budget": Look("hand", "Waiting for budget", "human"),
    "incident": Look("life-buoy", "Incident", "human"),
    "event": Look("radio", "Waiting for an event", "wait"),
    "trigger": Look("radio", "Waiting for a trigger", "wait"),
    "timer": Look("hourglass", "Waiting for a time", "wait"),
    "child": Look("workflow", "Waiting for a child run", "wait"),
    "rate": Look("gauge", "Waiting for the rate limit", "wait"),
    "exclusive": Look("lock", "Waiting for its turn", "wait"),
    "retry": Look("rotate-cw", "Waiting to retry", "run"),
    "breaker": Look("rotate-cw", "Waiting for the breaker", "run"),
}
APPROVAL_LOOKS = {
    "pending": Look("hand", "Pending", "human"),
    "approved": Look("circle-check", "Approved", "ok"),
    "rejected": Look("circle-x", "Rejected", "fail"),
    "expired": Look("alarm-clock", "Expired", "fail"),
    "withdrawn": Look("circle-slash", "Withdrawn", "idle"),
    "taken_over": Look("user-check", "Taken over", "ok"),
    # Marks over a state, not states of their own.
    "claimed": Look("eye", "Being looked at", "run"),
    "escalated": Look("chevrons-up", "Escalated", "human"),
    "delegated": Look("corner-down-right", "Delegated", "human"),
    "edited": Look("pencil", "Approved with edits", "ok"),
    "passed": Look("zap", "Passed by rule", "ok"),
}
LOOKS = {"run": RUN_LOOKS, "step": STEP_LOOKS, "approval": APPROVAL_LOOKS}
RISK_LOOKS = {
    "low": Look("shield", "Low risk", "idle"),
    "medium": Look("shield-alert", "Medium risk", "idle"),
    "high": Look("triangle-alert", "High risk", "human"),
    "critical": Look("octagon-alert", "Critical risk", "fail"),
}
UNKNOWN = Look("circle-help", "Unknown", "idle")

# icon, word, shape: card, decision, bar, stack, people, pill, safety
KIND_LOOKS = {
    "agent": ("bot", "Agent", "card"),
    "model": ("sparkles", "Model", "card"),
    "tool": ("wrench", "Tool", "card"),
    "router": ("split", "Router", "decision"),
    "decision": ("split", "Decision", "decision"),
    "guard": ("shield-check", "Guardrails", "card"),
    "publish": ("send", "Publish", "card"),
    "transform": ("braces", "Transform", "card"),
    "merge": ("git-merge", "Merge", "card"),
    "merge_by_model": ("git-merge", "Merge", "card"),
    "end": ("flag", "End", "pill"),
    "approval": ("user-check", "Approval gate", "people"),
    "checkpoint": ("milestone", "Checkpoint", "pill"),
    "wait": ("radio", "Event wait", "pill"),
    "delay": ("hourglass", "Timer", "pill"),
    "group": ("box", "Group", "card"),
    "map": ("layers", "Map-reduce", "stack"),
    "loop": ("repeat", "Loop", "card"),
    "state_machine": ("shapes", "State machine", "card"),
    "workflow": ("workflow", "Sub-workflow", "card"),
    "fallback": ("shuffle", "Fallback", "card"),
    "consensus": ("users", "Consensus", "card"),
    "escalation": ("chevrons-up", "Escalation", "people"),
    "plan": ("list-checks", "Plan", "card"),
    "supervisor": ("network", "Supervisor", "card"),
    "item": ("square", "Item", "card"),
    "undo": ("undo-2", "Compensation", "card"),
}


def look_of(kind: str, state: str, reason: str | None = None) -> Look:
    """Give the look of a run's, step's or approval's state; a wait shows what it waits for."""
    if state == "waiting" and reason in WAIT_LOOKS:
        return WAIT_LOOKS[reason]
    return LOOKS[kind].get(state) or Look("circle-help", humanise(state), "idle")


def kind_icon(kind: str) -> str:
    return KIND_LOOKS.get(kind, ("box", "", ""))[0]


def kind_word(kind: str) -> str:
    return KIND_LOOKS.get(kind, ("", humanise(kind), ""))[1]


def humanise(name: Any) -> str:
    """Make words of an identifier: `draft_reply` becomes "Draft reply"."""
    words = str(name).replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
