"""What the navigation shows: links to pages that exist, and counts of what waits."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from approvals_app.selectors import COUNTED, waiting_count
from workflows_app.models import User
from workflows_app.selectors.pages import open_run_count
from workflows_app.selectors.people import Principal, principal_of_user


@dataclass(frozen=True, slots=True)
class Entry:
    """One link; `names` are tried in order, and `counts` names a counter."""

    key: str
    word: str
    icon: str
    names: tuple[str, ...]
    hotkey: str = ""
    counts: str = ""


MAIN = (
    Entry("home", "Home", "house", ("workflows:home",), "g h"),
    Entry("approvals", "Approvals", "inbox", ("approvals:inbox",), "g a", "approvals"),
    Entry("runs", "Runs", "activity", ("workflows:runs",), "g r", "runs"),
    Entry("workflows", "Workflows", "workflow", ("workflows:workflows",), "g w"),
)
OVERSIGHT = (
    Entry("autonomy", "Autonomy", "trending-up", ("approvals:autonomy",)),
    Entry("escalation", "Escalation & cover", "route", ("approvals:escalation", "approvals:cover")),
    Entry("guardrails", "Guardrails & budgets", "shield-check", ("workflows:guardrails",)),
    Entry("breakers", "Breakers", "power", ("workflows:breakers",)),
)
EVIDENCE = (
    Entry("audit", "Audit log", "scroll-text", ("evidence:audit",), "g l"),
    Entry("evals", "Evals", "flask-conical", ("evidence:evals",)),
    Entry("events", "Events", "radio", ("evidence:events", "workflows:events")),
)
FOOT = (Entry("settings", "Settings", "settings", ("workflows:settings", "workflows:me")),)


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Give the groups of links for this request, with the current one marked."""
    known: dict[str, Any] | None = getattr(request, "page_navigation", None)
    if known is None:
        known = _navigation(request) if isinstance(request.user, User) else {}
        request.page_navigation = known  # type: ignore[attr-defined]
    return known


def _navigation(request: HttpRequest) -> dict[str, Any]:
    counts = _counts(request)
    groups = [
        (title, [_link(request, entry, counts) for entry in entries])
        for title, entries in (("", MAIN), ("Oversight", OVERSIGHT), ("Evidence", EVIDENCE))
    ]
    foot = [link for entry in FOOT if (link := _link(request, entry, counts))]
    _mark_one([link for _, links in groups for link in links if link])
    return {
        "groups": [
            (title, found) for title, links in groups if (found := list(filter(None, links)))
        ],
        "foot": foot,
        "user": request.user,
    }


def _link(request: HttpRequest, entry: Entry, counts: dict[str, int]) -> dict[str, Any] | None:
    url = _address(entry.names)
    if url is None:
        return None
    is_here = request.path == url or (url != "/" and request.path.startswith(url))
    return {"entry": entry, "url": url, "is_here": is_here, "count": counts.get(entry.counts)}


@cache
def _address(names: tuple[str, ...]) -> str | None:
    """Give the first of these addresses that exists."""
    for name in names:
        with suppress(NoReverseMatch):
            return reverse(name)
    return None


def _mark_one(links: list[dict[str, Any]]) -> None:
    """Of two addresses that both begin so, the longer one is where the person is."""
    here = sorted((link for link in links if link["is_here"]), key=lambda link: len(link["url"]))
    for link in here[:-1]:
        link["is_here"] = False


def principal_here(request: HttpRequest) -> Principal:
    """Give who looks at a page, read once for it; somebody is signed in."""
    known: Principal | None = getattr(request, "page_principal", None)
    if known is None:
        known = principal_of_user(request.user)  # type: ignore[arg-type]
        request.page_principal = known  # type: ignore[attr-defined]
    return known


def _counts(request: HttpRequest) -> dict[str, int]:
    """Give how much waits for this person, once for each request."""
    known = getattr(request, "navigation_counts", None)
    if known is None:
        actor = principal_here(request)
        # The inbox has counted already.
        waiting = getattr(request, "approvals_waiting", None)
        known = {
            "runs": open_run_count(actor=actor, most=COUNTED),
            "approvals": waiting_count(actor=actor) if waiting is None else waiting,
        }
        request.navigation_counts = known  # type: ignore[attr-defined]
    return known
