"""The inbox and the page of one request."""

import json
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.core.policy import RISKS
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.requests import (
    approval_get,
    approval_list,
    decided_list,
    delegated_list,
    inbox_counts,
    undoable,
)
from approvals_app.services.record import database_now
from approvals_app.views import present
from workflows_app.models import User

JSON = Any
SHOWN = 100
TABS = (
    ("mine", "For me"),
    ("teams", "My teams"),
    ("delegated", "Delegated"),
    ("decided", "Decided"),
)
SOON = timedelta(hours=1)
TODAY = timedelta(hours=24)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def inbox_view(request: HttpRequest) -> HttpResponse:
    """The queue at the left and one request at the right; on a phone one of them."""
    context = inbox_context(request)
    if request.htmx and request.htmx.target == "detail":  # type: ignore[attr-defined]
        return render(request, "approvals/inbox.html#pane", context)
    if request.htmx and request.htmx.target == "queue":  # type: ignore[attr-defined]
        return render(request, "approvals/inbox.html#queue", context)
    return render(request, "approvals/inbox.html", context)


@login_required
@require_safe
def detail_view(request: HttpRequest, number: int) -> HttpResponse:
    """One request at full width, with its record."""
    return detail_render(request, number)


def detail_render(
    request: HttpRequest, number: int, *, status: int = 200, **more: JSON
) -> HttpResponse:
    """Render the page of a request, with what went wrong if anything did."""
    now = database_now()
    row = approval_get(approval_id=number, actor=person_of(request))
    edited = more.pop("edited", None)
    context = present.detail(row, user=person_of(request), now=now, edited=edited)
    # The edit travels on as the JSON that the person saw as a diff.
    edited_json = None if edited is None else json.dumps(edited, ensure_ascii=False)
    context.update(view="mine", is_page=True, edited_json=edited_json, **more)
    return render(request, "approvals/detail.html", context, status=status)


def person_of(request: HttpRequest) -> User:
    """Give who is signed in; `login_required` has made sure that somebody is."""
    return cast("User", request.user)


def inbox_context(request: HttpRequest) -> dict[str, JSON]:
    """Give what the inbox shows: tabs, groups of lines, and the request that is open."""
    now = database_now()
    user = person_of(request)
    asked = request.GET.get("view", "mine")
    view = asked if asked in dict(TABS) else "mine"
    rows = rows_of(user, view, risk=request.GET.get("risk"))
    lines = [present.row(row, now) for row in rows]
    opened = _opened(request, rows)
    context: dict[str, JSON] = {
        "view": view,
        "tabs": TABS,
        "counts": inbox_counts(actor=user),
        "groups": _groups(lines, now) if view != "decided" else [("Decided", lines)],
        "total": len(lines),
        "soon": sum(line["is_hot"] for line in lines),
        "risk": request.GET.get("risk") or "",
        "risks": RISKS,
        "is_opened": "open" in request.GET,
        "undo": undoable(actor=user, now=now),
        "is_page": False,
    }
    if opened is not None:
        position = next((i for i, row in enumerate(rows) if row.pk == opened.pk), None)
        context.update(present.detail(opened, user=user, now=now))
        context.update(
            position=None if position is None else position + 1,
            earlier=rows[position - 1] if position else None,
            later=rows[position + 1] if position is not None and position + 1 < len(rows) else None,
        )
    return context


def rows_of(user: User, view: str, *, risk: str | None = None) -> list[ApprovalRequest]:
    """Give the requests of a tab: due first, then by risk, then by age."""
    if view == "decided":
        found = decided_list(actor=user)
    elif view == "delegated":
        found = delegated_list(actor=user)
    else:
        found = approval_list(actor=user, state="pending", mine=view == "mine")
    if risk in RISKS:
        found = found.filter(risk=risk)
    rows = list(found[:SHOWN])
    if view == "decided":
        return rows
    return sorted(rows, key=lambda row: (row.next_due_at, -RISKS.index(row.risk), row.number))


def _opened(request: HttpRequest, rows: list[ApprovalRequest]) -> ApprovalRequest | None:
    asked = request.GET.get("open", "").removeprefix("APR-")
    if asked.isdecimal() and len(asked) < 19:
        return approval_get(approval_id=int(asked), actor=person_of(request))
    return rows[0] if rows else None


def _groups(lines: list[dict[str, JSON]], now: datetime) -> list[tuple[str, list[JSON]]]:
    groups: dict[str, list[JSON]] = {"Due soon": [], "Today": [], "Later": []}
    for line in lines:
        left = line["due"] - now
        name = "Due soon" if left <= SOON else "Today" if left <= TODAY else "Later"
        groups[name].append(line)
    return [(name, found) for name, found in groups.items() if found]
