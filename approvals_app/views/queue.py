"""The left half of the inbox: its filters, groups and lines, all of them in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from approvals_app.core.policy import RISKS
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import DUE, SOON, TODAY, VIEWS, claims_of, gone_list
from approvals_app.views import present
from workflows_app.models import User

JSON = Any
Line = dict[str, JSON]
GROUPS = ("due", "risk", "workflow")
HELD_MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the address of the inbox says; anything unknown is left out."""

    view: str = "mine"
    risk: str = ""
    due: str = ""
    group: str = ""

    @property
    def is_narrow(self) -> bool:
        """Tell whether something is filtered away."""
        return bool(self.risk or self.due)

    def query(self, **more: object) -> str:
        """Give these filters as the query of an address."""
        pairs = {"view": self.view, "risk": self.risk, "due": self.due, "group": self.group}
        return urlencode({key: value for key, value in {**pairs, **more}.items() if value})

    def without(self) -> "Filters":
        """Give the same tab, unfiltered."""
        return replace(self, risk="", due="")


def filters_of(given: Mapping[str, Any]) -> Filters:
    """Read the filters from an address or from what a form carried along."""

    def one(name: str, known: tuple[str, ...], default: str = "") -> str:
        value = str(given.get(name, ""))
        return value if value in known else default

    return Filters(
        view=one("view", VIEWS, "mine"),
        risk=one("risk", RISKS),
        due=one("due", tuple(DUE)),
        group=one("group", GROUPS),
    )


def held_of(text: str) -> list[int]:
    """Read the numbers of the lines that a page shows already."""
    numbers = [part for part in text.split(",")[:HELD_MOST] if part.isdecimal() and len(part) < 19]
    return [int(number) for number in numbers]


def lines_of(
    rows: list[ApprovalRequest], *, user: User, now: datetime, held: list[int]
) -> list[Line]:
    """Give the lines; what was `held` and is decided meanwhile stays where it was, greyed."""
    claims = claims_of(rows, user=user, now=now)
    lines = [{**present.row(row, now), "claim": claims.get(row.pk)} for row in rows]
    known = {row.number for row in rows}
    missing = [number for number in held if number not in known]
    gone = gone_list(user=user, numbers=missing) if missing else {}
    for position, number in enumerate(held):
        if number in gone:
            before = held[position - 1] if position else None
            index = next(
                (i + 1 for i, line in enumerate(lines) if line["request"].number == before), 0
            )
            beside = lines[index - 1] if index else lines[0] if lines else None
            line = present.row(gone[number], now)
            lines.insert(index, {**line, "is_gone": True, "due": beside["due"] if beside else now})
    return lines


def groups_of(lines: list[Line], filters: Filters, now: datetime) -> list[tuple[str, list[Line]]]:
    """Gather the lines under headings, in the order in which they came."""
    if filters.view == "decided":
        return [("Decided", lines)] if lines else []
    groups: dict[str, list[Line]] = {}
    if filters.group == "risk":
        groups = {level.capitalize() + " risk": [] for level in reversed(RISKS)}
    elif filters.group != "workflow":
        groups = {"Due soon": [], "Today": [], "Later": []}
    for line in lines:
        groups.setdefault(_heading(line, filters, now), []).append(line)
    return [(name, found) for name, found in groups.items() if found]


def _heading(line: Line, filters: Filters, now: datetime) -> str:
    if filters.group == "risk":
        return f"{line['request'].risk.capitalize()} risk"
    if filters.group == "workflow":
        return str(line["request"].workflow.name)
    left = line["due"] - now
    return "Due soon" if left <= SOON else "Today" if left <= TODAY else "Later"


def after(answered: ApprovalRequest, rows: list[ApprovalRequest]) -> ApprovalRequest | None:
    """Give the request that opens next: the one behind the answered one, else the first."""
    if not rows:
        return None
    due = answered.next_due_at or answered.deadline_at
    place = (due, -RISKS.index(answered.risk), answered.number)
    behind = (row for row in rows if (row.next_due_at, -RISKS.index(row.risk), row.number) > place)
    return next(behind, rows[0])
