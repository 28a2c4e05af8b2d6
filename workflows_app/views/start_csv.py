"""Starting runs from the rows of a CSV file: upload, look and match columns, start."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from project.errors import request_id_of
from workflows_app.errors import DomainError, Invalid
from workflows_app.selectors.runs import run_get
from workflows_app.services.start import runs_start
from workflows_app.views import csv_rows
from workflows_app.views.csv_problems import SHOWN, RowProblem, others_check, rows_check
from workflows_app.views.schema_form import MISSING, PREFIX, Field, form_build
from workflows_app.views.schema_read import form_read
from workflows_app.views.schema_rows import is_row_act, rows_change
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
    rest = csv_rows.rest_of(page.schema, into) if into else {}
    if request.POST.get("act") != "start":
        context["form"] = _others(rest, request)
        return render(request, "workflows/start_csv.html", context)
    return _start_rows(page, plan, rest, context)


def _others(rest: dict[str, Any], request: HttpRequest) -> Field | None:
    """Give the fields of one run beside the list that the rows fill."""
    if not rest.get("properties"):
        return None
    act = request.POST.get("act", "")
    if is_row_act(act):
        return form_build(rest, rows_change(rest, request.POST, act))
    is_written = any(name.startswith(PREFIX) for name in request.POST)
    return form_build(rest, form_read(rest, request.POST)[0] if is_written else MISSING)


def _start_rows(
    page: StartPage, plan: csv_rows.Plan, rest: dict[str, Any], context: dict[str, Any]
) -> HttpResponse:
    """Start what the table gives: all of its runs, or none."""
    rows, unread = plan.rows()
    inputs, others, problems = rows, {}, []
    if plan.into:
        others, problems = form_read(rest, page.request.POST) if rest["properties"] else ({}, [])
        inputs = [{**others, plan.into: rows}]
        problems += others_check(plan, page.schema, inputs[0])
        context["form"] = form_build(rest, others, problems) if rest["properties"] else None
    bad = [RowProblem(line=a, column=b, cell=c, message=d) for a, b, c, d in unread]
    said_of = {(one.line, one.column) for one in bad}
    checked = rows_check(plan, page.schema, inputs)
    bad += [one for one in checked if (one.line, one.column) not in said_of]
    bad = sorted(bad, key=lambda one: one.line)[:SHOWN]
    if bad or problems:
        said = "Some rows do not fit the workflow." if bad else "Some fields need another look."
        context |= {"problem": {"detail": said, "problems": []}, "row_problems": bad}
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
    return redirect(f"{reverse('workflows:runs')}?workflow={page.workflow.slug}")
