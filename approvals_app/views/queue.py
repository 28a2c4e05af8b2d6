"""The left half of the inbox: its filters, groups and lines, all of them in the address."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from approvals_app.core.policy import RISKS
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import (
    DUE,
    SHOWN_MOST,
    SOON,
    TODAY,
    VIEWS,
    claims_of,
    gone_list,
)
from approvals_app.selectors.viewer import Viewer
from approvals_app.views import present

JSON = Any
Line = dict[str, JSON]
GROUPS = ("due", "risk", "workflow")
HELD_MOST = SHOWN_MOST


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

    @property
    def query_without(self) -> dict[str, str]:
        """Give the query with one of the filters taken away, by its name."""
        return {name: replace(self, **{name: ""}).query() for name in ("risk", "due", "group")}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The lines of a tab; `fresh` is how many more came that would move those a page shows."""

    lines: list[Line]
    fresh: int


def lines_of(
    rows: list[ApprovalRequest], *, user: Viewer, now: datetime, held: list[int], most: int
) -> Queue:
    """Give `most` lines; what a page shows already (`held`) keeps its order and its place.

    What was decided meanwhile stays, greyed. What is new is added behind the last line, or,
    where it belongs before it, only counted until the person asks for it.
    """
    claims = claims_of(rows, user=user.user, now=now)
    known = {row.number: row for row in rows}
    missing = [number for number in held if number not in known]
    gone = gone_list(user=user, numbers=missing) if missing else {}
    kept = [number for number in held if number in known or number in gone]
    lines: list[Line] = []
    for number in kept:
        if number in known:
            lines.append({**present.row(known[number], now), "claim": claims.get(known[number].pk)})
        else:
            line = present.row(gone[number], now)
            first = rows[0].next_due_at if rows else None
            due = lines[-1]["due"] if lines else first or now
            lines.append({**line, "is_gone": True, "due": due})
    before = set(kept)
    last = max((place for place, row in enumerate(rows) if row.number in before), default=-1)
    behind = [row for row in rows[last + 1 :] if row.number not in before]
    added = behind[: max(0, most - len(lines))]
    fresh = sum(row.number not in before for row in rows[: last + 1])
    lines += [{**present.row(row, now), "claim": claims.get(row.pk)} for row in added]
    return Queue(lines=lines, fresh=fresh)


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
