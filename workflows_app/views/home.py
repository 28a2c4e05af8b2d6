"""The first page: is anything wrong, and what waits for me?"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.selectors import approval_list
from workflows_app.selectors.pages import (
    attention_rows,
    health,
    open_run_count,
    spend,
    started_by_slice,
    workflow_rows,
)
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import run_list
from workflows_app.selectors.stuck import stuck_steps

RANGES = {
    "1h": ("1 h", timedelta(hours=1), 30),
    "24h": ("24 h", timedelta(days=1), 48),
    "7d": ("7 d", timedelta(days=7), 42),
    "30d": ("30 d", timedelta(days=30), 60),
}
FAILING = 5  # percent from which a workflow needs attention
CHART_HEIGHT = 96
WAITING_SHOWN = 5


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def home(request: HttpRequest) -> HttpResponse:
    """My approvals with the nearest deadline, then what is wrong, then how things run."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    chosen = request.GET.get("range", "24h")
    chosen = chosen if chosen in RANGES else "24h"
    context = {**_figures(actor, chosen), "range": chosen, "ranges": RANGES}
    template = "workflows/home.html"
    return render(request, f"{template}#live" if request.htmx else template, context)  # type: ignore[attr-defined]


def _figures(actor: Principal, chosen: str) -> dict[str, Any]:
    _, length, slices = RANGES[chosen]
    now = timezone.now()
    since = now - length
    pending = approval_list(actor=actor, state="pending", mine=True)
    waiting = list(pending.order_by("deadline_at")[:WAITING_SHOWN])
    rows = health(actor=actor, since=since)
    attention = attention_rows(actor=actor, since=since)
    stuck = stuck_steps(actor=actor, now=now)
    newest = list(run_list(actor=actor)[:6])
    return {
        "now": now,
        "waiting": waiting,
        "waiting_count": pending.count() if len(waiting) == WAITING_SHOWN else len(waiting),
        "open_runs": open_run_count(actor=actor),
        "health": rows,
        "failing": [
            row for row in rows if row["failed_share"] is not None and row["failed_share"] > FAILING
        ],
        "attention": attention,
        "stuck": stuck,
        "alert_count": len(stuck) + len(attention["incidents"]) + attention["failed_count"],
        "spend": spend(actor=actor, since=_midnight(now)),
        "chart": _chart(actor, since, now, slices),
        "newest": newest,
        "samples": [] if newest else workflow_rows(actor=actor)[:6],
        "needs_key": not settings.ANTHROPIC_API_KEY,
        "has_stand_in": settings.STAND_IN,
    }


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def _chart(actor: Principal, since: datetime, now: datetime, slices: int) -> dict[str, Any]:
    """Give bars for SVG attributes: started, with what failed of them below."""
    rows = started_by_slice(actor=actor, since=since, now=now, slices=slices)
    top = max([row["started"] for row in rows] or [0]) or 1
    width = 1000 / slices
    bars = []
    for place, row in enumerate(rows):
        height = CHART_HEIGHT * row["started"] / top
        failed = CHART_HEIGHT * row["failed"] / top
        at = since + (now - since) / slices * place
        bars.append(
            {
                "x": round(place * width + 1, 1),
                "width": round(width - 2, 1),
                "y": round(CHART_HEIGHT - height, 1),
                "height": round(height, 1),
                "failed_y": round(CHART_HEIGHT - failed, 1),
                "failed_height": round(failed, 1),
                "at": at,
                **row,
            }
        )
    total = {name: sum(row[name] for row in rows) for name in ("started", "succeeded", "failed")}
    return {"bars": bars, "top": top, "height": CHART_HEIGHT, **total}
