"""Guardrails and budgets: what is in force, what tripped, what is left, and the stop of it all."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.agents.selectors.budgets import budget_rows
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import Workspace
from workflows_app.selectors.guardrails import rail_rows, trip_rows
from workflows_app.selectors.people import Principal, principal_of_user, workspace_get
from workflows_app.selectors.runs import run_get
from workflows_app.services.false_alarms import false_alarm_report
from workflows_app.services.guardrails import installation_checks
from workflows_app.services.stops import actions_resume, actions_stop, stop_told
from workflows_app.views.guardrail_trial import TEXT_LIMIT, Trial, text_try


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def guardrails_page(request: HttpRequest) -> HttpResponse:
    """Budgets as bars and the checks in force, for each workspace of the person."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    name = "workflows/guardrails.html"
    is_part = request.htmx  # type: ignore[attr-defined]
    context = {"spaces": [_space(actor, space) for space in actor.workspaces]}
    return render(request, f"{name}#rows" if is_part else name, context)


@login_required
@never_cache
@require_POST
def text_trial(request: HttpRequest) -> HttpResponse:
    """Show what the checks would see in a text; nothing is kept of it."""
    actor, space = _named(request)
    text = request.POST.get("text", "")[:TEXT_LIMIT]
    tried: list[Trial] = text_try(text, workspace_id=space.pk) if text.strip() else []
    if request.htmx:  # type: ignore[attr-defined]
        return render(request, "workflows/guardrails.html#tried", {"tried": tried, "text": text})
    spaces = [_space(actor, one) for one in actor.workspaces]
    for row in spaces:
        if row["workspace"].pk == space.pk:
            row |= {"tried": tried, "text": text}
    return render(request, "workflows/guardrails.html", {"spaces": spaces})


@login_required
@require_POST
def stop(request: HttpRequest) -> HttpResponse:
    """Stop all agent actions of a workspace, or let them go on."""
    actor, space = _named(request)
    reason = request.POST.get("reason", "")
    try:
        if request.POST.get("act") == "resume":
            actions_resume(workspace=space, actor=actor, reason=reason)
            messages.success(request, "Tools and models are called again")
        else:
            actions_stop(workspace=space, actor=actor, reason=reason)
            messages.success(request, "Stopped: no tool and no model is called from now on")
    except (Conflict, Invalid) as error:
        messages.error(request, error.message)
    return redirect("workflows:guardrails")


@login_required
@require_POST
def false_alarm(request: HttpRequest, number: int, sequence: int) -> HttpResponse:
    """Say that nothing was wrong when a guardrail tripped."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    run = run_get(actor=actor, number=number)
    is_new = false_alarm_report(run=run, sequence=sequence, actor=actor)
    messages.success(request, "Noted as a false alarm" if is_new else "Somebody had noted that")
    return redirect("workflows:guardrails")


def _named(request: HttpRequest) -> tuple[Principal, Workspace]:
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    return actor, workspace_get(name=request.POST.get("workspace", ""), actor=actor)


def _space(actor: Principal, space: Workspace) -> dict[str, Any]:
    return {
        "workspace": space,
        "budgets": budget_rows(workspace_id=space.pk),
        "rails": rail_rows(workspace_id=space.pk, wide=installation_checks(space.pk)),
        "trips": trip_rows(workspace_id=space.pk),
        "stop": stop_told(space),
        "may_stop": actor.can("run", space.pk),
        "may_resume": actor.can("admin", space.pk),
    }
