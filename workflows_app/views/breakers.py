"""Circuit breakers: what is left alone for a while, and closing one by hand."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.agents.selectors.breakers import breaker_rows
from workflows_app.agents.services.breakers import breaker_close
from workflows_app.errors import DomainError
from workflows_app.selectors.people import principal_of_user, workspace_get


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def breakers_page(request: HttpRequest) -> HttpResponse:
    """The breakers of each workspace of the person."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    spaces = [
        {
            "workspace": space,
            "rows": breaker_rows(workspace_id=space.pk),
            "may_close": actor.can("admin", space.pk),
        }
        for space in actor.workspaces
    ]
    name = "workflows/breakers.html"
    is_part = request.htmx  # type: ignore[attr-defined]
    return render(request, f"{name}#rows" if is_part else name, {"spaces": spaces})


@login_required
@require_POST
def breaker_close_view(request: HttpRequest) -> HttpResponse:
    """Close one; who and why is in the audit log."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    space = workspace_get(name=request.POST.get("workspace", ""), actor=actor)
    actor.require("admin", space.pk)
    name, reason = request.POST.get("name", "")[:200], request.POST.get("reason", "")[:10_000]
    try:
        breaker_close(workspace=space, name=name, actor=actor.actor, reason=reason)
        messages.success(request, f"{name.partition(':')[2]} is called again")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("workflows:breakers")
