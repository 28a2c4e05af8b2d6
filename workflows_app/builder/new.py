"""Making a workflow: blank, from a template of the gallery, from a file, or described."""

import json
from copy import deepcopy
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from project.errors import request_id_of
from workflows_app.agents.services.describe import can_describe, workflow_describe
from workflows_app.core.strict_json import JsonRefused
from workflows_app.errors import DomainError, NotFound
from workflows_app.forms import ImportForm
from workflows_app.gallery.catalog import Sample, sample_get, samples
from workflows_app.models import User, Workflow, Workspace
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.definition_import import workflow_import
from workflows_app.services.definitions import workflow_create

JSON = Any
BLANK: dict[str, JSON] = {"format": 1, "name": "", "input": {}, "steps": [], "edges": []}
FAMILIES = {
    "A": "People in the loop",
    "B": "Autonomy with guardrails",
    "C": "Escalation",
    "D": "Control flow",
    "E": "State machines",
    "F": "Events",
    "G": "Agents",
    "H": "Reliability",
}


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def workflow_new(request: HttpRequest) -> HttpResponse:
    """Make a workflow; it stays a draft until somebody publishes it."""
    user: User = request.user  # type: ignore[assignment]
    actor = principal_of_user(user)
    actor.require("design", actor.home.pk)
    if request.method == "GET":
        return _page(request, ImportForm())
    form = ImportForm(request.POST, request.FILES)
    try:
        made = _made(request, form, user, actor.home)
    except (DomainError, JsonRefused) as error:
        extra = error.extra if isinstance(error, DomainError) else {"pointer": error.pointer}
        problem = {
            "detail": error.message,
            "problems": extra.get("problems"),
            "request_id": request_id_of(request),
        }
        return _page(request, form, problem=problem, status=422)
    if made is None:
        return _page(request, form, status=422)
    messages.success(request, "Made. It is a draft until you publish it")
    is_import = request.POST.get("how", "") in ("", "import") and form.source()[0]
    return redirect("workflows:workflow" if is_import else "workflows:edit", slug=made.slug)


def _made(
    request: HttpRequest, form: ImportForm, user: User, workspace: Workspace
) -> Workflow | None:
    """Make what was asked for; None where the form says what is missing."""
    how = request.POST.get("how", "")
    if how == "template":
        return _from_template(request.POST.get("template", ""), user, workspace)
    if how == "describe":
        sentence = request.POST.get("sentence", "")
        definition, checked = workflow_describe(workspace=workspace, sentence=sentence)
        name = str(definition.get("name") or sentence)[:200]
        for problem in checked.errors[:5]:
            messages.warning(request, f"Still to be solved: {problem.message}")
        return workflow_create(name=name, definition=definition, actor=user, workspace=workspace)
    if not form.is_valid():
        return None
    name = form.cleaned_data["name"]
    text, kind = form.source()
    return workflow_import(
        text=text or json.dumps({**BLANK, "name": name or "New workflow"}),
        format=kind,
        actor=user,
        workspace=workspace,
        name=name or None,
    )


def _from_template(slug: str, user: User, workspace: Workspace) -> Workflow:
    sample = sample_get(slug)
    if sample is None:
        raise NotFound(f"There is no template {slug[:100]}.")
    return workflow_create(
        name=sample.title, definition=deepcopy(sample.definition), actor=user, workspace=workspace
    )


def _page(
    request: HttpRequest,
    form: ImportForm,
    *,
    problem: dict[str, JSON] | None = None,
    status: int = 200,
) -> HttpResponse:
    family = request.GET.get("family", "")
    context = {
        "form": form,
        "problem": problem,
        "templates": [one for one in samples() if not family or _is_of(one, family)],
        "families": FAMILIES,
        "family": family if family in FAMILIES else "",
        "can_describe": can_describe(),
        "how": request.POST.get("how", ""),
        "sentence": request.POST.get("sentence", ""),
    }
    return render(request, "workflows/new.html", context, status=status)


def _is_of(sample: Sample, family: str) -> bool:
    return any(pattern.startswith(family) for pattern in sample.patterns)
