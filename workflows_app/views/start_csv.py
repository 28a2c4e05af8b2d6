"""Starting runs from the rows of a CSV file: upload, look and match columns, start."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from project.errors import request_id_of
from workflows_app.errors import DomainError, Invalid
from workflows_app.selectors.runs import run_get
from workflows_app.services.start import runs_start
from workflows_app.views import csv_rows
from workflows_app.views.start_page import StartPage


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def start_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Start runs from a table: upload, look and match columns, then start."""
    page = StartPage(request, slug)
    arrays = csv_rows.array_properties(page.schema)
    context: dict[str, Any] = {
        "workflow": page.workflow,
        "newest": page.newest,
        "number": page.number or (page.newest.number if page.newest else None),
        "is_draft": page.is_draft,
        "mode": page.mode,
        "needs_key": page.needs_key,
        "may_run": page.actor.can("run", page.workflow.workspace_id),
        "arrays": arrays,
        "row_limit": csv_rows.ROWS_LIMIT,
    }
    if request.method == "GET":
        return render(request, "workflows/start_csv.html", context)
    page.check_may_start()
    try:
        table = csv_rows.table_of(request)
    except Invalid as error:
        context["problem"] = {"detail": error.message, "request_id": request_id_of(request)}
        return render(request, "workflows/start_csv.html", context, status=422)
    into = request.POST.get("into", "")
    into = into if into in arrays else ""
    plan = csv_rows.Plan.of(page.schema, table, into=into, chosen=request.POST)
    context |= {"table": table, "plan": plan, "into": into}
    if request.POST.get("act") != "start":
        return render(request, "workflows/start_csv.html", context)
    return _start_rows(page, plan, context)


def _start_rows(page: StartPage, plan: csv_rows.Plan, context: dict[str, Any]) -> HttpResponse:
    """Start what the table gives: all of its runs, or none."""
    inputs, problems = plan.inputs(page.schema)
    if problems:
        context["problem"] = {"detail": "Some rows cannot be read.", "problems": problems[:20]}
        return render(page.request, "workflows/start_csv.html", context, status=422)
    try:
        runs = runs_start(
            workflow=page.workflow,
            version=page.version,
            inputs=inputs,
            mode=page.mode,
            user=page.actor.user,
            actor=page.actor.actor,
            via="page",
        )
    except DomainError as error:
        found = error.extra.get("problems") or []
        context["problem"] = {"detail": error.message, "problems": found[:20]}
        return render(page.request, "workflows/start_csv.html", context, status=error.status)
    if len(runs) == 1:
        return redirect("workflows:run", number=run_get(actor=page.actor, run_id=runs[0].pk).number)
    messages.success(page.request, f"{len(runs)} runs started")
    return redirect(f"/runs/?workflow={page.workflow.slug}")
