"""The builder's page."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflows_app.builder.answers import reading
from workflows_app.builder.locate import step_locate
from workflows_app.builder.problem_list import counts_of, problem_list
from workflows_app.builder.step_form import Form, properties_shown
from workflows_app.core.definition import CheckContext
from workflows_app.errors import NotFound
from workflows_app.models import Workflow
from workflows_app.selectors.definitions import check_context, version_newest
from workflows_app.selectors.drafts import editors_lately

JSON = Any
TABS = (
    ("problems", "Problems"),
    ("test", "Test run"),
    ("changes", "Changes"),
    ("versions", "Versions"),
)


@login_required
@never_cache
@require_safe
def builder(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the palette, the canvas, the properties, and the panel below."""
    return _shown(request, slug)


@login_required
@never_cache
@require_safe
def states(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the builder with the states of one state machine in place of the whole graph."""
    workflow, _, _ = reading(request, slug)
    path = request.GET.get("path", "")[:2000]
    located = step_locate(workflow.draft, path)
    if located is None or located.step.get("kind") != "state_machine":
        raise NotFound(f"The draft has no state machine {path}.")
    return _shown(request, slug, machine=path)


def _shown(request: HttpRequest, slug: str, machine: str = "") -> HttpResponse:
    workflow, actor, user = reading(request, slug)
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    problems = problem_list(workflow, context)
    newest = version_newest(workflow=workflow)
    wanted = request.GET.get("tab", "problems")
    form = _form(workflow, request.GET.get("step", machine)[:2000], context)
    shown = {
        **properties_shown(form, problems),
        "machine": machine,
        "newest": newest,
        "others": editors_lately(workflow=workflow, besides=user),
        "next_version": (newest.number or 0) + 1 if newest else 1,
        "problems": problems,
        "may_edit": actor.can("design", workflow.workspace_id),
        "tabs": TABS,
        "tab": wanted if wanted in dict(TABS) else "problems",
        "until": request.GET.get("until", "")[:2000] if wanted == "test" else "",
        "has_canvas": finders.find("canvas/dist/canvas.js") is not None,
        **counts_of(problems),
    }
    return render(request, "builder/page.html", shown)


def _form(workflow: Workflow, path: str, context: CheckContext) -> Form:
    try:
        return Form(workflow, path, context)
    except NotFound:
        return Form(workflow, "", context)
