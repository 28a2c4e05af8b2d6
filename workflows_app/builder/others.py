"""Who else edits the draft, as the builder's top bar shows it."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflows_app.builder.answers import reading
from workflows_app.selectors.drafts import editors_lately


@login_required
@never_cache
@require_safe
def others(request: HttpRequest, slug: str) -> HttpResponse:
    """Show who else saved an edit of the draft lately."""
    workflow, _, user = reading(request, slug)
    shown = {"workflow": workflow, "others": editors_lately(workflow=workflow, besides=user)}
    return render(request, "builder/_others.html", shown)
