"""The list of runs: narrowed by a query that lives in the address, refreshed without moving."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.models import Run
from workflows_app.selectors.bulk import bulk_list, view_list
from workflows_app.selectors.pages import waits_of
from workflows_app.selectors.paging import cursor_of, page
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.run_query import (
    NAMES,
    problem_of,
    query_apply,
    query_parse,
    query_text,
)
from workflows_app.selectors.runs import run_list

SHOWN = 50
COUNTED = 10_001  # a list that matches more says "more than 10,000"
QUICK = (
    ("", "All"),
    ("open", "Open"),
    ("waiting", "Waiting"),
    ("failed,timed_out", "Failed"),
    ("succeeded", "Succeeded"),
)


@dataclass(frozen=True, slots=True)
class Query:
    """What the address asks for: filters, the text that says the same, and what means nothing."""

    filters: dict[str, str]
    unknown: list[str]

    @property
    def text(self) -> str:
        return query_text(self.filters)

    def without(self, name: str) -> str:
        """Give the address of the same query without one filter."""
        return address({key: value for key, value in self.filters.items() if key != name})

    def with_state(self, state: str) -> str:
        """Give the address of the same query for another state."""
        return address({**self.filters, "state": state})


def address(filters: dict[str, str]) -> str:
    """Give the query part of an address: `?q=...`."""
    query = QueryDict(mutable=True)
    query["q"] = query_text(filters)
    return f"?{query.urlencode()}" if query["q"] else "?"


def query_of(given: QueryDict) -> Query:
    """Read `q`, and the same filters as parameters of their own; what `q` says wins."""
    filters, unknown = {}, []
    for name in NAMES:
        value = given.get(name, "")
        if value and problem_of(name, value) is None:
            filters[name] = value
        elif value:
            unknown.append(f"{name}:{value}")
    found, more = query_parse(given.get("q", ""))
    return Query({**filters, **found}, [*unknown, *more])


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def run_list_page(request: HttpRequest) -> HttpResponse:
    """Runs, newest first, narrowed by the address."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    context = list_context(request, actor)
    template = "workflows/runs.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)  # type: ignore[attr-defined]


def list_context(request: HttpRequest, actor: Principal) -> dict[str, Any]:
    """Give all that the page shows; `shown` in the address holds the rows where they are."""
    query = query_of(request.GET)
    matching = query_apply(run_list(actor=actor), query.filters)
    cursor = request.GET.get("cursor") or None
    kept = _numbers(request.GET.get("shown", ""))
    found = _kept(actor, matching, kept) if kept else page(matching, cursor, SHOWN, by="-number")
    shown = found["items"]
    _complete(shown)
    now = timezone.now()
    is_filtered = bool(query.filters)
    return {
        "runs": shown,
        "next": found["next"],
        "cursor": cursor,
        "new": found.get("new", 0),
        "refresh": _refresh(request, shown),
        "query": query,
        "chips": [(name, value, query.without(name)) for name, value in query.filters.items()],
        "quick": [
            (query.with_state(state), word, query.filters.get("state", "") == state)
            for state, word in QUICK
        ],
        "all_match": min(matching.count(), COUNTED) if is_filtered and found["next"] else 0,
        "may_run": "run" in actor.scopes,
        "views": list(view_list(user=request.user, actor=actor)[:50]),  # type: ignore[arg-type]
        "going_on": list(bulk_list(actor=actor).filter(state="running")[:5]),
        "now": now,
    }


def _kept(actor: Principal, matching: QuerySet[Run], numbers: list[int]) -> dict[str, Any]:
    """Give the same rows again, those that fit no longer marked, and count what is new."""
    rows = list(run_list(actor=actor).filter(number__in=numbers))
    fitting = set(matching.filter(number__in=numbers).values_list("number", flat=True))
    for run in rows:
        run.is_gone = run.number not in fitting  # type: ignore[attr-defined]
    older = matching.filter(number__lt=min(numbers)).exists()
    newer = matching.filter(number__gt=max(numbers))
    return {
        "items": rows,
        "next": cursor_of(min(numbers)) if older else None,
        "new": newer[:100].count(),
    }


def _numbers(text: str) -> list[int]:
    parts = text.split(",")[:SHOWN]
    return [int(part) for part in parts if part.isdecimal() and len(part) < 19]


def _complete(runs: list[Any]) -> None:
    waits = waits_of(runs)
    now = timezone.now()
    for run in runs:
        run.stands_at = waits.get(run.pk)
        run.elapsed = (run.finished_at or now) - run.started_at if run.started_at else None


def _refresh(request: HttpRequest, shown: list[Run]) -> str:
    """Give the address that draws the same rows again; an empty list has none to keep."""
    query = request.GET.copy()
    query.pop("shown", None)
    if shown:
        query["shown"] = ",".join(str(run.number) for run in shown)
    return f"{request.path}?{query.urlencode()}"
