"""The problems of a draft as the builder shows them, and their fixes."""

from copy import deepcopy
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from workflows_app.builder.answers import changed_answer, editing, json_view, reading
from workflows_app.builder.fixes import fix_find
from workflows_app.builder.studies import study_of
from workflows_app.core.definition import CheckContext
from workflows_app.errors import Conflict
from workflows_app.models import Workflow
from workflows_app.selectors.definitions import check_context
from workflows_app.services.draft_changes import draft_change

JSON = Any


def problem_list(workflow: Workflow, context: CheckContext | None = None) -> list[dict[str, JSON]]:
    """Give `{severity, code, step, pointer, message, fix?}` of each problem, errors first."""
    known = context or check_context(workspace=workflow.workspace, workflow=workflow)
    return deepcopy(study_of(workflow, known).problems)


def counts_of(problems: list[dict[str, JSON]]) -> dict[str, int]:
    """Give how many errors and warnings there are."""
    errors = sum(problem["severity"] == "error" for problem in problems)
    return {"error_count": errors, "warning_count": len(problems) - errors}


@json_view
@require_safe
def problems_panel(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the list of problems, each leading to its step."""
    workflow, actor, _ = reading(request, slug)
    problems = problem_list(workflow)
    shown = {
        "workflow": workflow,
        "problems": problems,
        "may_edit": actor.can("design", workflow.workspace_id),
        "with_counts": True,
        **counts_of(problems),
    }
    return render(request, "builder/problems.html", shown)


@json_view
@require_POST
def fix_apply(request: HttpRequest, slug: str) -> HttpResponse:
    """Carry out the fix of a problem that is still there."""
    workflow, user = editing(request, slug)
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    code, pointer = request.POST.get("code"), request.POST.get("pointer")
    for problem in problem_list(workflow, context):
        if (problem["code"], problem["pointer"]) == (code, pointer):
            found = fix_find(workflow.draft, problem, context)
            break
    else:
        found = None
    if found is None:
        raise Conflict("This problem is gone already.", code="no_fix")
    label, changes = found
    changed = draft_change(
        workflow=workflow, changes=changes, revision=workflow.revision, actor=user, label=label
    )
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect("workflows:edit", slug=slug)
    problems = problem_list(changed.workflow, context)
    response = HttpResponse(status=200)
    return changed_answer(response, changed.workflow, changes, problems, label)
