"""The audit log as pages, and the metrics."""

from typing import Any, cast

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.evidence.forms import ExportForm, FilterForm
from workflows_app.evidence.metrics import CONTENT_TYPE, metrics_text
from workflows_app.evidence.selectors.records import (
    chain_get,
    record_get,
    record_hash,
    record_list,
    record_shapes,
    run_numbers,
)
from workflows_app.evidence.services.export import audit_export
from workflows_app.evidence.services.seal import seal_now
from workflows_app.evidence.services.verify import chain_verify
from workflows_app.models import User, Workspace
from workflows_app.selectors.people import Principal, principal_of_user, workspace_get

ROWS = 50


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Give the metrics in Prometheus' text format."""
    return HttpResponse(metrics_text(), content_type=CONTENT_TYPE)


@login_required
@require_safe
@vary_on_headers("HX-Request")
def audit_list(request: HttpRequest) -> HttpResponse:
    """Show the audit log, newest first; the filters and the place are in the URL."""
    form = FilterForm(request.GET)
    is_valid = form.is_valid()
    workspace = _workspace(request, form.cleaned_data.get("workspace"))
    seal_now()
    context = {
        "form": form,
        "workspace": workspace,
        "chain": chain_get(workspace=workspace),
        **_rows(workspace, form, request),
    }
    is_rows = getattr(getattr(request, "htmx", None), "target", None) == "audit-rows"
    template = "evidence/audit.html#rows" if is_rows else "evidence/audit.html"
    return render(request, template, context, status=200 if is_valid else 422)


@login_required
@require_safe
def audit_record(request: HttpRequest, position: int) -> HttpResponse:
    """Show one record whole, with its own and the previous hash."""
    workspace = _workspace(request, request.GET.get("workspace"))
    record = record_get(workspace=workspace, position=position)
    if record is None:
        raise Http404
    recomputed = record_hash(record)
    context = {
        "record": _labelled([record])[0],
        "workspace": workspace,
        "chain": chain_get(workspace=workspace),
        "previous_position": position - 1,
        "next_position": position + 1,
        "recomputed": recomputed,
        "is_intact": recomputed == record["hash"],
    }
    return render(request, "evidence/record.html", context)


@login_required
@require_POST
def audit_verify(request: HttpRequest) -> HttpResponse:
    """Recompute the chain from its first record and show what was found."""
    workspace = _workspace(request, request.POST.get("workspace"))
    seal_now()
    verdict = chain_verify(workspace=workspace.pk)
    if not getattr(request, "htmx", False):
        return redirect("evidence:audit")
    context = {"workspace": workspace, "chain": chain_get(workspace=workspace), "verdict": verdict}
    return render(request, "evidence/audit.html#chain", context)


@login_required
@require_POST
def audit_export_page(request: HttpRequest) -> HttpResponseBase:
    """Download the audit log; the export is itself recorded."""
    form = ExportForm(request.POST)
    if not form.is_valid():
        return redirect("evidence:audit")
    workspace = _workspace(request, request.POST.get("workspace"))
    seal_now()
    return audit_export(
        workspace=workspace,
        form=form.cleaned_data["format"],
        actor=_principal(request).actor,
    )


def _principal(request: HttpRequest) -> Principal:
    return principal_of_user(cast("User", request.user))


def _workspace(request: HttpRequest, name: str | None) -> Workspace:
    who = _principal(request)
    workspace = workspace_get(name=name, actor=who) if name else who.home
    who.require("read", workspace.pk)
    return workspace


def _rows(workspace: Workspace, form: FilterForm, request: HttpRequest) -> dict[str, Any]:
    before = form.cleaned_data.get("before")
    seals = record_list(workspace=workspace, filters=form.filters)
    if before:
        seals = seals.filter(position__lt=before)
    found = list(seals.order_by("-position")[: ROWS + 1])
    following = None
    if len(found) > ROWS:
        query = request.GET.copy()
        query["before"] = str(found[ROWS - 1].position)
        following = query.urlencode()
    records = record_shapes(found[:ROWS], workspace=workspace.pk)
    return {"records": _labelled(records), "following": following, "before": before}


def _labelled(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add what people call the object (`label`) and where it is shown (`url`)."""
    numbers = run_numbers({record["run"] for record in records if record["run"]})
    for record in records:
        number = numbers.get(record["run"])
        kind, _, name = record["object"].partition(":")
        record["label"] = f"RUN-{number}" if number else record["object"]
        if number:
            record["url"] = f"/runs/RUN-{number}/"
        elif kind == "workflow":
            record["url"] = f"/workflows/{name}/"
        record["short"] = record["hash"][:10]
        record["from_state"], record["to_state"] = record["from"], record["to"]
    return records
