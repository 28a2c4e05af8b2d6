"""The rendered settings of a request, read so that nothing an agent wrote can break it.

Settings are checked when they are saved; what an expression made of them is known only now.
Where such a value makes no sense the careful reading wins: an unknown risk counts as high.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals_app.core.policy import RISKS, Need
from approvals_app.core.sla import OnTimeout, Rung, Schedule
from workflows_app.core.durations import duration_parse

JSON = Any
DEFAULT_DEADLINE = "24h"
# Where a request names nobody (a guardrail holds, a budget is used up): those whose task it is.
DEFAULT_ASSIGNEES = ("role:reviewer", "role:admin")
DECISIONS = ("approve", "edit", "reject", "take_over")
CHECKPOINT_DECISIONS = ("approve", "change", "reject")
TEXT_LIMIT = 20_000
NEED_MOST = 1_000_000
NAME_LIMIT = 200  # nobody has a longer name


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What people are asked, by whom it may be answered, and until when."""

    summary: str
    details: str
    recommendation: str
    confidence: float | None
    risk: str
    impact: str
    alternatives: list[dict[str, JSON]]
    links: list[dict[str, str]]
    requested_by: str
    assignees: tuple[str, ...]
    need: Need
    decisions: tuple[str, ...]
    form: JSON
    deadline: timedelta
    on_timeout: OnTimeout
    rungs: tuple[Rung, ...]
    blind: float | None = None  # share that is asked without the agent's view
    calendar: str = ""

    def schedule(self, requested_at: datetime) -> Schedule:
        """Give the times of the request, counted from `requested_at`."""
        return Schedule(
            requested_at=requested_at,
            deadline=self.deadline,
            on_timeout=self.on_timeout,
            rungs=self.rungs,
        )


def asked_read(settings: Mapping[str, JSON] | None, *, reason: str, fallback: str) -> Asked:
    """Read rendered settings; `fallback` is the summary where they have none."""
    given = settings or {}
    decisions = CHECKPOINT_DECISIONS if reason == "checkpoint" else DECISIONS
    return Asked(
        summary=text(given.get("summary")) or fallback,
        details=text(given.get("details")),
        recommendation=text(given.get("recommendation")),
        confidence=share(given.get("confidence")),
        risk=risk(given.get("risk")),
        impact=text(given.get("impact")),
        alternatives=alternatives(given.get("alternatives")),
        links=links(given.get("links")),
        requested_by=text(given.get("requested_by"), limit=NAME_LIMIT),
        assignees=names(given.get("assignees"), default=DEFAULT_ASSIGNEES),
        need=need(given.get("need")),
        decisions=names(given.get("decisions"), default=decisions),
        form=given.get("form"),
        deadline=duration(given.get("deadline")),
        on_timeout=_on_timeout(given.get("on_timeout")),
        rungs=rungs(given.get("ladder")),
        blind=share(given.get("blind")),
        calendar=text(given.get("calendar")),
    )


def text(value: JSON, *, limit: int = TEXT_LIMIT) -> str:
    """Give a text of bounded length that can be stored; a list becomes lines."""
    if value is None:
        return ""
    lines = [text(item) for item in value] if isinstance(value, list) else [str(value)]
    whole = "\n".join(lines).replace("\x00", "\ufffd").encode(errors="replace").decode()
    return whole if len(whole) <= limit else whole[: limit - 1] + "…"


def share(value: JSON) -> float | None:
    """Give a number from 0 to 1, or None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def risk(value: JSON) -> str:
    """Give a known risk level: medium where none is named, high where it is unknown."""
    if value is None:
        return "medium"
    return value if value in RISKS else "high"


def need(value: JSON) -> Need:
    """Give how many must agree: a number from 1, or `all`, which also any nonsense means."""
    if value is None:
        return 1
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        return int(min(value, NEED_MOST))
    return "all"


def names(value: JSON, *, default: tuple[str, ...]) -> tuple[str, ...]:
    """Give a list of names without repeats; `default` only where there is no list at all."""
    if value is None:
        return default
    items = value if isinstance(value, list) else [value]
    known = (item for item in items if isinstance(item, str) and 0 < len(item) <= NAME_LIMIT)
    return tuple(dict.fromkeys(item for item in known if "\x00" not in item))


def alternatives(value: JSON) -> list[dict[str, JSON]]:
    """Give `[{summary, why, confidence}]`; a bare text is a summary."""
    found = []
    for item in value if isinstance(value, list) else []:
        entry = item if isinstance(item, dict) else {"summary": item}
        found.append(
            {
                "summary": text(entry.get("summary")),
                "why": text(entry.get("why")),
                "confidence": share(entry.get("confidence")),
            }
        )
    return found


def links(value: JSON) -> list[dict[str, str]]:
    """Give `[{label, url}]`, http and https only."""
    found = []
    for item in value if isinstance(value, list) else []:
        entry = item if isinstance(item, dict) else {"url": item}
        url = text(entry.get("url")).strip()
        if url.lower().startswith(("https://", "http://")):
            found.append({"label": text(entry.get("label")) or url, "url": url})
    return found


def duration(value: JSON) -> timedelta:
    """Give a time above zero; what is none counts as the default."""
    try:
        found = duration_parse(value)
    except ValueError:
        found = timedelta(0)
    return found or duration_parse(DEFAULT_DEADLINE)


def rungs(value: JSON) -> tuple[Rung, ...]:
    """Give the ladder in the order of its times."""
    found = [
        Rung(
            after=duration(item.get("after")),
            assignees=names(item.get("assignees"), default=()),
            channel=text(item.get("channel")),
        )
        for item in (value if isinstance(value, list) else [])
        if isinstance(item, dict)
    ]
    return tuple(sorted(found, key=lambda rung: rung.after))


def _on_timeout(value: JSON) -> OnTimeout:
    if value == "escalate":
        return "escalate"
    return "fail" if value == "fail" else "deny"
