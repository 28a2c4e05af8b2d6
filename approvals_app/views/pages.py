"""The inbox and the page of one request."""

import json
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.core.policy import RISKS
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import batches_of, queue_list
from approvals_app.selectors.requests import approval_get, inbox_counts, undoable
from approvals_app.services.record import database_now
from approvals_app.views import present
from approvals_app.views.queue import Filters, filters_of, groups_of, held_of, lines_of
from workflows_app.models import User

JSON = Any
TABS = (
    ("mine", "For me"),
    ("teams", "My teams"),
    ("delegated", "Delegated"),
    ("decided", "Decided"),
)


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
    filters = filters_of(request.POST) if request.method == "POST" else Filters()
    context.update(
        view=filters.view,
        filters=filters,
        is_page=True,
        edited_json=edited_json,
        undo=row if "undo" in context["allowed"] else None,
        **more,
    )
    return render(request, "approvals/detail.html", context, status=status)


def person_of(request: HttpRequest) -> User:
    """Give who is signed in; `login_required` has made sure that somebody is."""
    return cast("User", request.user)


def inbox_context(request: HttpRequest) -> dict[str, JSON]:
    """Give what the inbox shows: tabs, groups of lines, and the request that is open."""
    now = database_now()
    user = person_of(request)
    filters = filters_of(request.GET)
    rows = queue_list(user=user, view=filters.view, now=now, risk=filters.risk, due=filters.due)
    lines = lines_of(rows, user=user, now=now, held=held_of(request.GET.get("held", "")))
    opened = _opened(request, rows)
    batches = batches_of(rows) if filters.view == "mine" else []
    reference = opened.reference if opened and "open" in request.GET else ""
    context: dict[str, JSON] = {
        "filters": filters,
        "view": filters.view,
        "tabs": TABS,
        "counts": inbox_counts(actor=user),
        "groups": groups_of(lines, filters, now),
        "batches": batches,
        "selectable": {one.number for batch in batches for one in batch.requests},
        "total": len(rows),
        "soon": sum(line["is_hot"] for line in lines),
        "risks": RISKS,
        "queue_query": filters.query(
            open=reference, held=",".join(str(line["request"].number) for line in lines)
        ),
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


def _opened(request: HttpRequest, rows: list[ApprovalRequest]) -> ApprovalRequest | None:
    asked = request.GET.get("open", "").removeprefix("APR-")
    if asked.isdecimal() and len(asked) < 19:
        return approval_get(approval_id=int(asked), actor=person_of(request))
    return rows[0] if rows else None
