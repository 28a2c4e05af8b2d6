"""Starting a run: a form drawn from the input's schema, or JSON text."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.errors import DomainError, Invalid
from workflows_app.selectors.runs import run_get
from workflows_app.services.start import run_start
from workflows_app.views.schema_form import form_build
from workflows_app.views.schema_read import Reader
from workflows_app.views.start_page import StartPage


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the start form; a POST starts one run, however often it is sent."""
    page = StartPage(request, slug)
    if request.method == "GET":
        return page.show()
    redrawn = page.redrawn()
    if redrawn is not None:
        return redrawn
    page.check_may_start()
    value, problems = page.value_posted()
    if problems:
        return page.show(value, page.problems_with(value, problems), status=422)
    try:
        run, _ = run_start(
            workflow=page.workflow,
            version=page.version,
            input=value,
            mode=page.mode,
            user=page.actor.user,
            actor=page.actor.actor,
            via="page",
            **page.key(value),
        )
    except Invalid as error:
        return page.show(value, error.extra["problems"] or [{"message": error.message}], 422)
    except DomainError as error:
        return page.show(value, [{"message": error.message}], error.status)
    return redirect("workflows:run", number=run_get(actor=page.actor, run_id=run.pk).number)


@login_required
@never_cache
@require_POST
def start_check(request: HttpRequest, slug: str) -> HttpResponse:
    """Say what is wrong with one field, which `at` names by its pointer; it starts nothing."""
    page = StartPage(request, slug)
    read = Reader(page.schema, request.POST)
    problems = page.problems_with(read.value, read.problems)
    form = form_build(page.schema, read.value, problems)
    place = read.places.get(request.POST.get("at", ""))
    field = form.at(place) if place is not None else None
    return render(request, "workflows/start.html#errors", {"field": field})
