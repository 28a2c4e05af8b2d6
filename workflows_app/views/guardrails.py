"""Guardrails and budgets: what is in force, what tripped, and how much is left to spend."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.agents.selectors.budgets import budget_rows
from workflows_app.selectors.guardrails import rail_rows
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.guardrails import installation_checks


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def guardrails_page(request: HttpRequest) -> HttpResponse:
    """Budgets as bars and the checks in force, for each workspace of the person."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    spaces = [
        {
            "workspace": space,
            "budgets": budget_rows(workspace_id=space.pk),
            "rails": rail_rows(workspace_id=space.pk, wide=installation_checks(space.pk)),
        }
        for space in actor.workspaces
    ]
    name = "workflows/guardrails.html"
    is_part = request.htmx  # type: ignore[attr-defined]
    return render(request, f"{name}#rows" if is_part else name, {"spaces": spaces})
