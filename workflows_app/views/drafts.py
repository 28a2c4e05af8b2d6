"""Drafts: edit their text; put a workflow away or bring it back."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from project.errors import request_id_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import Conflict, DomainError
from workflows_app.forms import ArchiveForm, DraftForm
from workflows_app.models import User, Workflow
from workflows_app.selectors.definitions import version_newest, workflow_get
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.services.archive import workflow_archive, workflow_put_away
from workflows_app.services.definitions import definition_validate, draft_save


def problems_of_draft(workflow: Workflow) -> list[dict[str, Any]]:
    """Give `{severity, code, step, pointer, message}` of each problem, errors first."""
    checked = definition_validate(definition=workflow.draft, workflow=workflow)
    found = [problem.as_json() for problem in checked.problems]
    return sorted(found, key=lambda one: one["severity"] != "error")


def _designer(request: HttpRequest) -> tuple[Principal, User]:
    user: User = request.user  # type: ignore[assignment]
    return principal_of_user(user), user


def _problem(request: HttpRequest, error: DomainError | JsonRefused) -> dict[str, Any]:
    extra = error.extra if isinstance(error, DomainError) else {"pointer": error.pointer}
    return {
        "detail": error.message,
        "code": error.code,
        "problems": extra.get("problems"),
        "request_id": request_id_of(request),
    }


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def workflow_edit(request: HttpRequest, slug: str) -> HttpResponse:
    """Edit the draft as JSON text; who saves over a newer one is shown both."""
    actor, user = _designer(request)
    workflow = workflow_get(actor=actor, slug=slug)
    actor.require("design", workflow.workspace_id)
    text = json.dumps(workflow.draft, indent=2, ensure_ascii=False)
    if request.method == "GET":
        return _edit_page(request, workflow, text, workflow.revision)
    form = DraftForm(request.POST)
    if not form.is_valid():
        return _edit_page(request, workflow, request.POST.get("definition", ""), 0, status=422)
    written, revision = form.cleaned_data["definition"], form.cleaned_data["revision"]
    try:
        draft = strict_loads(written)
        if not isinstance(draft, dict):
            raise JsonRefused("not_an_object", "A definition is a JSON object.")
        draft_save(workflow=workflow, definition=draft, revision=revision, actor=user)
    except Conflict as error:
        newer = workflow_get(actor=actor, slug=slug)
        return _edit_page(
            request, newer, written, newer.revision, problem=_problem(request, error), status=409
        )
    except (DomainError, JsonRefused) as error:
        problem = _problem(request, error)
        return _edit_page(request, workflow, written, revision, problem=problem, status=422)
    messages.success(request, "Saved")
    return redirect("workflows:edit_json", slug=slug)


def _edit_page(
    request: HttpRequest,
    workflow: Workflow,
    text: str,
    revision: int,
    *,
    problem: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "workflow": workflow,
        "newest": version_newest(workflow=workflow),
        "text": text,
        "revision": revision,
        "problem": problem,
        "newer": workflow.draft if status == 409 else None,
        "problems": problems_of_draft(workflow),
    }
    return render(request, "workflows/edit.html", context, status=status)


@login_required
@require_POST
def archive(request: HttpRequest, slug: str) -> HttpResponse:
    """Put a workflow away or bring it back; its open runs go on, or are cancelled."""
    actor, user = _designer(request)
    workflow = workflow_get(actor=actor, slug=slug)
    actor.require("design", workflow.workspace_id)
    form = ArchiveForm(request.POST)
    wanted = form.cleaned_data if form.is_valid() else {}
    if not wanted.get("archived"):
        workflow_archive(workflow=workflow, actor=user, archived=False)
        messages.success(request, "Brought back")
        return redirect("workflows:workflow", slug=slug)
    cancels = wanted.get("runs") == "cancel"
    if cancels:
        actor.require("run", workflow.workspace_id)
    count = workflow_put_away(workflow=workflow, actor=user, cancels_runs=cancels)
    said = f"; {count} runs are being cancelled" if cancels else ""
    messages.success(request, f"Archived: its triggers stopped{said}")
    return redirect("workflows:workflow", slug=slug)
