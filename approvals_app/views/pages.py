"""The inbox and the page of one request."""

import json
from datetime import datetime
from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.core.policy import RISKS
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.batches import batches_of
from approvals_app.selectors.context import similar_list
from approvals_app.selectors.queue import SHOWN, SHOWN_MOST, line_get, queue_list
from approvals_app.selectors.requests import (
    approval_get,
    decided_today,
    inbox_counts,
    undoable,
    waiting_count,
)
from approvals_app.selectors.viewer import Viewer, viewer_of
from approvals_app.services.record import database_now
from approvals_app.views import present
from approvals_app.views.queue import Filters, filters_of, groups_of, held_of, lines_of
from workflows_app.models import User
from workflows_app.templatetags.ui import counted
from workflows_app.views.navigation import principal_here

JSON = Any
SLACK = 20  # so many new requests push none of those that a page shows out of what is read
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
    target = request.htmx.target if request.htmx else ""  # type: ignore[attr-defined]
    filters = filters_of(request.GET)
    if target == "queue":
        context, _ = queue_context(request, filters, is_fragment=True)
        return render(request, "approvals/inbox.html#queue", context)
    context = inbox_context(request, filters)
    page = "approvals/inbox.html#pane" if target == "detail" else "approvals/inbox.html"
    return render(request, page, context)


@login_required
@require_safe
def waiting_view(request: HttpRequest) -> HttpResponse:
    """How much waits for this person: asked by the navigation of every page when that changes."""
    return JsonResponse({"waiting": counted(waiting_count(actor=viewer_here(request)))})


@login_required
@require_safe
def detail_view(request: HttpRequest, number: int) -> HttpResponse:
    """One request at full width, with its record."""
    return detail_render(request, number)


def detail_render(
    request: HttpRequest, number: int, *, status: int = 200, **more: JSON
) -> HttpResponse:
    """Render a request where it was answered: in the inbox, or on its own page.

    Args:
        more: what `present.detail` takes (edited, changed, posted), and what went wrong.
    """
    row = approval_get(approval_id=number, actor=viewer_here(request))
    is_page = request.method != "POST" or bool(request.POST.get("page"))
    filters = filters_of(request.POST) if request.method == "POST" else Filters()
    shown = {name: more.pop(name, None) for name in ("edited", "changed")}
    about = {**shown, "posted": more.get("posted"), "problem": more.get("problem")}
    if is_page:
        now = database_now()
        context = present.detail(row, user=person_of(request), now=now, **about)
        context.update(view=filters.view, filters=filters)
    else:
        context = inbox_context(request, filters, opened=row, **about)
    # What was changed travels on as the JSON that the person saw as a diff.
    context.update(
        is_page=is_page,
        back=back_to(row, filters, is_page=is_page),
        edited_json=_json_of(shown["edited"]),
        changed_json=_json_of(shown["changed"]),
        **more,
    )
    if is_page:
        context["undo"] = row if "undo" in context["allowed"] else None
        context["similar"] = similar_list(row)
    page = "approvals/detail.html" if is_page else "approvals/inbox.html"
    return render(request, page, context, status=status)


def _json_of(value: JSON) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


def back_to(row: ApprovalRequest, filters: Filters, *, is_page: bool) -> str:
    """Give the address of a request as it was opened."""
    if is_page:
        return reverse("approvals:detail", args=[row.number])
    return f"{reverse('approvals:inbox')}?{filters.query(open=row.reference)}"


def person_of(request: HttpRequest) -> User:
    """Give who is signed in; `login_required` has made sure that somebody is."""
    return cast("User", request.user)


def inbox_context(
    request: HttpRequest, filters: Filters, *, opened: ApprovalRequest | None = None, **about: JSON
) -> dict[str, JSON]:
    """Give what the inbox shows: tabs, groups of lines, and the request that is open."""
    context, rows = queue_context(request, filters, opened=opened)
    opened = context["approval"]
    user = person_of(request)
    context["undo"] = undoable(actor=viewer_here(request), now=context["now"])
    if opened is not None:
        context.update(present.detail(opened, user=user, now=context["now"], **about))
        context.update(_neighbours(rows, opened), back=back_to(opened, filters, is_page=False))
    return context


def queue_context(
    request: HttpRequest,
    filters: Filters,
    *,
    opened: ApprovalRequest | None = None,
    is_fragment: bool = False,
) -> tuple[dict[str, JSON], list[ApprovalRequest]]:
    """Give the left half, and its requests in order; it is asked for again whenever one changes."""
    now = database_now()
    viewer = viewer_here(request)
    held = held_of(request.GET.get("held", ""))
    shown = max(shown_of(request), len(held))
    given = {"view": filters.view, "risk": filters.risk, "due": filters.due}
    rows = queue_list(user=viewer, now=now, most=shown + (SLACK if held else 1), **given)
    is_more = len(rows) > shown
    is_asked = opened is not None or "open" in request.GET
    opened = opened or _opened(request, rows, is_fragment=is_fragment)
    queue = lines_of(rows, user=viewer, now=now, held=held, most=shown)
    batches = batches_of(rows[:shown]) if filters.view == "mine" else []
    reference = opened.reference if opened and is_asked else ""
    numbers = ",".join(str(line["request"].number) for line in queue.lines)
    for line in queue.lines:
        line["is_open"] = opened is not None and line["request"].pk == opened.pk
    counts = inbox_counts(actor=viewer)
    request.approvals_waiting = counts["mine"]  # type: ignore[attr-defined]
    context: dict[str, JSON] = {
        "now": now,
        "approval": opened,
        "opened_gone": _gone(request, opened),
        "filters": filters,
        "view": filters.view,
        "tabs": TABS,
        "counts": counts,
        "groups": groups_of(queue.lines, filters, now),
        "fresh": queue.fresh,
        "batches": batches,
        "selectable": {one.number for batch in batches for one in batch.requests},
        "total": f"{shown}+" if is_more else len(rows),
        "soon": _soon(queue.lines, is_more=is_more),
        "empty_text": "" if queue.lines else _empty_text(viewer, filters, now),
        "risks": RISKS,
        "queue_address": f"{reverse('approvals:inbox')}?{filters.query()}",
        "all_query": filters.query(open=reference),
        "queue_query": filters.query(open=opened.reference if opened else "", held=numbers),
        "more_query": filters.query(
            open=opened.reference if opened else "", held=numbers, shown=shown + SHOWN
        ),
        "is_more": is_more,
        "is_most": shown >= SHOWN_MOST,
        "is_opened": is_asked,
        "is_page": False,
    }
    return context, rows


def _soon(lines: list[dict[str, JSON]], *, is_more: bool) -> str:
    """Give how many of the lines are due soon; behind a page full of them there may be more."""
    number = sum(line["is_hot"] for line in lines)
    return f"{number}+" if is_more and number == len(lines) else str(number or "")


def _empty_text(viewer: Viewer, filters: Filters, now: datetime) -> str:
    """Say that nothing is there, and to whoever has answered all, how much that was."""
    if filters.view != "mine":
        return {
            "teams": "Nothing waits for anybody.",
            "delegated": "Nothing that you handed on waits.",
            "decided": "Nothing has been decided yet.",
        }[filters.view]
    number = decided_today(viewer, now)
    return f"Nothing waits for you. Decided today: {number}" if number else "Nothing waits for you."


def shown_of(request: HttpRequest) -> int:
    """Give how many lines a page asks for: further ones are added to those it has."""
    asked = request.GET.get("shown", "")
    number = int(asked) if asked.isdecimal() and len(asked) < 5 else SHOWN
    return min(max(number, SHOWN), SHOWN_MOST)


def viewer_here(request: HttpRequest) -> Viewer:
    """Give who looks, read once for a page."""
    known: Viewer | None = getattr(request, "approvals_viewer", None)
    if known is None:
        known = viewer_of(principal_here(request))
        request.approvals_viewer = known  # type: ignore[attr-defined]
    return known


def _gone(request: HttpRequest, opened: ApprovalRequest | None) -> str:
    """Say who ended the request that a page shows as open, while it showed it."""
    if opened is None or "held" not in request.GET or opened.state == "pending":
        return ""
    if opened.decided_by_id == request.user.pk:
        return ""
    who = f" by {opened.decided_by.username}" if opened.decided_by else ""
    return f"{opened.reference} is {opened.state_word.lower()}{who} meanwhile."


def _neighbours(rows: list[ApprovalRequest], opened: ApprovalRequest) -> dict[str, JSON]:
    position = next((i for i, row in enumerate(rows) if row.pk == opened.pk), None)
    if position is None:
        return {"position": None, "earlier": None, "later": None}
    later = rows[position + 1] if position + 1 < len(rows) else None
    return {
        "position": position + 1,
        "earlier": rows[position - 1] if position else None,
        "later": later,
    }


def _opened(
    request: HttpRequest, rows: list[ApprovalRequest], *, is_fragment: bool
) -> ApprovalRequest | None:
    """Give the request that is open, whole unless only the queue beside it is shown."""
    asked = request.GET.get("open", "").removeprefix("APR-")
    if asked.isdecimal() and len(asked) < 19:
        number = int(asked)
    elif rows:
        number = rows[0].number
    else:
        return None
    if not is_fragment:
        return approval_get(approval_id=number, actor=viewer_here(request))
    known = next((row for row in rows if row.number == number), None)
    return known or line_get(user=viewer_here(request), number=number)
