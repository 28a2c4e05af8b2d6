"""Publishing: what it would change and what blocks it, the runs in flight, and the note."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from project.errors import request_id_of
from workflows_app.builder.answers import reading
from workflows_app.builder.problem_list import counts_of, problem_list
from workflows_app.errors import DomainError
from workflows_app.forms import PublishForm
from workflows_app.models import User, Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_newest
from workflows_app.selectors.people import Principal
from workflows_app.services.definitions import workflow_publish
from workflows_app.services.move_on import runs_in_flight, runs_movable, runs_move_on
from workflows_app.views.compare import compare


@login_required
@never_cache
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "POST"])
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Review what publishing would change and what blocks it, then publish."""
    workflow, actor, user = reading(request, slug)
    actor.require("design", workflow.workspace_id)
    form = PublishForm(request.POST or None, initial={"revision": workflow.revision})
    context = _context(workflow, actor, form)
    context["in_dialog"] = in_dialog = bool(getattr(request, "htmx", False))
    template = "workflows/publish.html#review" if in_dialog else "workflows/publish.html"
    if request.method == "GET":
        return render(request, template, context)
    if not form.is_valid():
        return render(request, template, context, status=422)
    moves = form.cleaned_data.pop("runs") == "move"
    if moves:
        actor.require("run", workflow.workspace_id)
    try:
        version, is_new = workflow_publish(workflow=workflow, actor=user, **form.cleaned_data)
    except DomainError as error:
        context["problem"] = {
            "detail": error.message,
            "code": error.code,
            "problems": error.extra.get("problems"),
            "request_id": request_id_of(request),
        }
        return render(request, template, context, status=error.status)
    messages.success(request, _said(version, user, is_new=is_new, moves=moves))
    if in_dialog:
        return HttpResponse(headers={"HX-Redirect": reverse("workflows:workflow", args=[slug])})
    return redirect("workflows:workflow", slug=slug)


def _context(workflow: Workflow, actor: Principal, form: PublishForm) -> dict[str, Any]:
    newest = version_newest(workflow=workflow)
    problems = problem_list(workflow)
    return {
        "workflow": workflow,
        "newest": newest,
        "form": form,
        "comparison": compare(newest.definition, workflow.draft) if newest else None,
        "problems": problems,
        "in_flight": runs_in_flight(workflow=workflow).count(),
        "movable": runs_movable(workflow=workflow).count(),
        "may_run": actor.can("run", workflow.workspace_id),
        "may_edit": True,
        **counts_of(problems),
    }


def _said(version: WorkflowVersion, user: User, *, is_new: bool, moves: bool) -> str:
    """Say what came of it; runs that shall go on with the new version do so now."""
    if not is_new:
        return "Nothing had changed"
    said = f"Version {version.number} is published"
    if moves:
        moved, stayed = runs_move_on(version=version, actor=user)
        said += f"; {moved} runs go on with it"
        said += f", {stayed} finish on their own version" if stayed else ""
    return said
