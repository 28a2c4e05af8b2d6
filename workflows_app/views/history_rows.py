"""History events as people read them: one line for each transition, with who and why."""

from dataclasses import dataclass
from typing import Any

from workflows_app.models import RunEvent
from workflows_app.views.looks import UNKNOWN, Look, humanise, look_of

BEGINNINGS = {"step.ready", "step.started"}
WORDS = {
    "approval.requested": ("hand", "approval asked", "human"),
    "approval.seen": ("eye", "seen", "run"),
    "approval.delegated": ("corner-down-right", "delegated", "human"),
    "approval.escalated": ("chevrons-up", "escalated", "human"),
    "approval.decided": ("circle-check", "decided", "ok"),
    "approval.undone": ("undo-2", "decision undone", "wait"),
    "approval.refused": ("ban", "answer refused", "fail"),
    "approval.closed": ("circle-slash", "request closed", "idle"),
    "state.changed": ("shapes", "state changed", "run"),
    "guardrail.tripped": ("shield-alert", "guardrail tripped", "fail"),
    "event.consumed": ("radio", "event taken", "wait"),
    "step.superseded": ("rotate-ccw", "superseded", "idle"),
    "step.undone": ("undo-2", "undone", "wait"),
    "run.reopened": ("rotate-ccw", "reopened", "run"),
    "run.resumed": ("circle-play", "resumed", "run"),
}


@dataclass
class HistoryRow:
    """One line: `origin` and `target` are the states before and after."""

    event: RunEvent
    subject: str
    origin: str
    target: str
    look: Look
    count: int = 1  # events that it stands for

    @property
    def why(self) -> str:
        return self.event.why or ""


def compact_rows(events: list[RunEvent]) -> list[HistoryRow]:
    """Give events, oldest first, as lines, newest first; ready, started, ended become one."""
    rows: list[HistoryRow] = []
    begun: dict[tuple[str, int | None], HistoryRow] = {}
    for event in events:
        key = (event.path, event.generation)
        known = begun.pop(key, None) if event.path else None
        if known is not None and event.type.startswith("step."):
            rows.remove(known)
            row = _row(event, known.origin or known.target, known.count + 1)
        else:
            row = _row(event, event.from_state, 1)
        rows.append(row)
        if event.type in BEGINNINGS:
            begun[key] = row
    return rows[::-1]


def full_rows(events: list[RunEvent]) -> list[HistoryRow]:
    """Give each event as a line of its own, newest first."""
    return [_row(event, event.from_state, 1) for event in reversed(events)]


def _row(event: RunEvent, origin: str, count: int) -> HistoryRow:
    kind = "step" if event.type.startswith("step.") else "run"
    target = event.to_state or ""
    reason = (event.data or {}).get("reason") if isinstance(event.data, dict) else None
    look = look_of(kind, target, reason) if target else UNKNOWN
    if event.type in WORDS:
        icon, word, family = WORDS[event.type]
        look = Look(icon, word, family)
        decision = (event.data or {}).get("decision") if isinstance(event.data, dict) else None
        if event.type == "approval.decided" and decision:
            target = _decided(decision)
        elif event.type != "state.changed" or not target:
            target = word
        if decision == "reject":
            look = Look("circle-x", word, "fail")
    return HistoryRow(
        event=event,
        subject=_subject(event.path) if event.path else "Run",
        origin=humanise(origin).lower() if origin else "",
        target=humanise(target).lower() if target else event.type,
        look=look,
        count=count,
    )


def _decided(decision: Any) -> str:
    return {"approve": "approved", "reject": "rejected", "take_over": "taken over"}.get(
        str(decision), str(decision)
    )


def _subject(path: str) -> str:
    around, _, name = path.rpartition(".")
    if name == "undo" and around:
        return f"Undo of {humanise(around.rpartition('.')[2]).lower()}"
    return humanise(name)
