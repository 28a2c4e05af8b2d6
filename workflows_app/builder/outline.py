"""The outline: the whole editor as a tree and forms, equal to the canvas, without scripts too."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from workflows_app.builder.answers import editing, reading
from workflows_app.builder.outline_acts import outline_act
from workflows_app.builder.outline_shown import chosen_step, kind_choices, tree
from workflows_app.builder.outline_states import chosen_state
from workflows_app.builder.problem_list import problem_list
from workflows_app.core.definition.changes import changes_between
from workflows_app.core.definition.edits import EditRefused
from workflows_app.errors import Conflict, DomainError
from workflows_app.models import DraftEdit, User, Workflow
from workflows_app.selectors.definitions import check_context, version_newest, workflow_get
from workflows_app.selectors.people import Principal
from workflows_app.services.draft_changes import draft_change
from workflows_app.services.draft_history import draft_redo, draft_undo

JSON = Any
PATH_LENGTH = 2000
HEADER_LIMIT = 4_000  # bytes


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def outline_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the tree and the forms of the step that `at` names; a POST carries one form out."""
    if request.method == "POST":
        return _act(request, slug)
    workflow, actor, user = reading(request, slug)
    return _shown(request, workflow, actor, user, request.GET.get("at", "")[:PATH_LENGTH])


def _act(request: HttpRequest, slug: str) -> HttpResponse:
    workflow, user = editing(request, slug)
    actor = reading(request, slug)[1]
    at = request.POST.get("at", "")[:PATH_LENGTH]
    try:
        said, shown = _carry_out(request, workflow, user, at)
    except (EditRefused, DomainError) as error:
        problem = {"detail": getattr(error, "message", str(error)), "code": "refused"}
        status = 409 if isinstance(error, Conflict) else 422
        fresh = workflow_get(actor=actor, slug=slug)
        return _shown(request, fresh, actor, user, at, problem=problem, status=status)
    if not getattr(request, "htmx", False):
        messages.success(request, said)
        target = reverse("workflows:outline", args=[slug])
        return redirect(f"{target}?{urlencode({'at': shown})}#chosen")
    fresh = workflow_get(actor=actor, slug=slug)
    answer = _shown(request, fresh, actor, user, shown)
    told = [one.as_json() for one in changes_between(workflow.draft, fresh.draft)]
    events = {"draft:changed": {"revision": fresh.revision, "changes": told, "label": said}}
    if len(json.dumps(events)) > HEADER_LIMIT:
        events = {"draft:reload": {"revision": fresh.revision}}
    answer["HX-Trigger"] = json.dumps({**events, "toast": {"text": said}})
    return answer


def _carry_out(request: HttpRequest, workflow: Workflow, user: User, at: str) -> tuple[str, str]:
    """Do what the form asks; gives what was done in words, and the path to show next."""
    act = request.POST.get("act", "")
    if act == "undo":
        return f"Took back: {draft_undo(workflow=workflow, actor=user).label}", at
    if act == "redo":
        return f"Made again: {draft_redo(workflow=workflow, actor=user).label}", at
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    made, said, shown = outline_act(workflow.draft, request.POST.dict(), context)
    draft_change(
        workflow=workflow,
        changes=changes_between(workflow.draft, made),
        revision=workflow.revision,
        actor=user,
        label=said,
    )
    return said, shown


def _shown(
    request: HttpRequest,
    workflow: Workflow,
    actor: Principal,
    user: User,
    at: str,
    *,
    problem: dict[str, JSON] | None = None,
    status: int = 200,
) -> HttpResponse:
    problems = problem_list(workflow)
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    chosen = chosen_step(workflow.draft, at, problems) if at else None
    state = chosen_state(workflow.draft, at) if at and chosen is None else None
    edits = DraftEdit.objects.filter(workflow=workflow, user=user)
    shown = {
        "workflow": workflow,
        "newest": version_newest(workflow=workflow),
        "root": tree(workflow.draft, problems, at),
        "chosen": chosen,
        "state": state,
        "is_lost": bool(at) and chosen is None and state is None,
        "problems": problems,
        "others": [one for one in problems if chosen is None or one["step"] != chosen.path],
        "kinds": kind_choices(context),
        "undo": edits.filter(is_undone=False).order_by("-pk").first(),
        "redo": edits.filter(is_undone=True).order_by("pk").first(),
        "may_edit": actor.can("design", workflow.workspace_id),
        "problem": problem,
        "sent": request.POST if problem else {},
    }
    shown["hx"] = getattr(request, "htmx", False)
    part = "#outline" if shown["hx"] else ""
    return render(request, f"builder/outline.html{part}", shown, status=status)
