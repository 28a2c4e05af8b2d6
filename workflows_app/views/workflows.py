"""Workflows: the list, one workflow, one version."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.core.definition import definition_digest
from workflows_app.models import Run, Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_get, version_newest, workflow_get
from workflows_app.selectors.draft_states import DRAFT_STATES
from workflows_app.selectors.pages import version_rows, workflow_rows
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import run_list
from workflows_app.views.drafts import problems_of_draft
from workflows_app.views.graph import draw
from workflows_app.views.looks import LOOKS
from workflows_app.views.outline import outline

RUNS_SHOWN = 8


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def workflow_list(request: HttpRequest) -> HttpResponse:
    """Workflows with their last outcomes."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    text, archived = request.GET.get("q", "")[:200], "archived" in request.GET
    state = request.GET.get("state", "")
    state = state if state in DRAFT_STATES and not archived else ""
    context = {
        "workflows": workflow_rows(actor=actor, text=text, archived=archived, state=state),
        "q": text,
        "archived": archived,
        "state": state,
        "states": DRAFT_STATES,
        "may_design": "design" in actor.scopes,
        "may_run": "run" in actor.scopes,
        "looks": LOOKS["run"],
    }
    template = "workflows/workflows.html"
    return render(request, f"{template}#rows" if request.htmx else template, context)  # type: ignore[attr-defined]


@login_required
@require_safe
@never_cache
def workflow_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One workflow: its newest version, or its draft while none is published."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    workflow = workflow_get(actor=actor, slug=slug)
    newest = version_newest(workflow=workflow)
    wants_draft = newest is None or request.GET.get("show") == "draft"
    return _page(request, workflow, None if wants_draft else newest, newest, actor)


@login_required
@require_safe
@never_cache
def version_page(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """One published version, which never changes."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    workflow = workflow_get(actor=actor, slug=slug)
    version = version_get(workflow=workflow, number=number)
    return _page(request, workflow, version, version_newest(workflow=workflow), actor)


def _page(
    request: HttpRequest,
    workflow: Workflow,
    version: WorkflowVersion | None,
    newest: WorkflowVersion | None,
    actor: Principal,
) -> HttpResponse:
    definition: Any = version.definition if version else workflow.draft
    tab = request.GET.get("tab", "steps")
    context = {
        "workflow": workflow,
        "version": version,
        "newest": newest,
        "draft_differs": newest is not None and definition_digest(workflow.draft) != newest.digest,
        "definition": definition,
        "tab": tab if tab in {"steps", "json", "versions"} else "steps",
        "entries": outline(definition),
        "drawing": draw(definition),
        "sprite": static("icons/sprite.svg"),
        "problems": [] if version else problems_of_draft(workflow),
        "versions": list(version_rows(workflow=workflow)[:100]),
        "runs": list(run_list(actor=actor, workflow=workflow.slug)[:RUNS_SHOWN]),
        "triggers": list(version.triggers.order_by("position")) if version else [],
        "may_run": actor.can("run", workflow.workspace_id),
        "may_design": actor.can("design", workflow.workspace_id),
        "may_rehearse": actor.can("run", workflow.workspace_id)
        or actor.can("design", workflow.workspace_id),
        "open_runs": Run.objects.filter(
            workflow=workflow, finished_at__isnull=True, parent=None
        ).count(),
        "facts": _facts(definition),
    }
    return render(request, "workflows/workflow.html", context)


def _facts(definition: Any) -> dict[str, Any]:
    """Give the limits and habits that a reader wants first."""
    if not isinstance(definition, dict):
        return {}
    limits = definition.get("limits")
    limits = limits if isinstance(limits, dict) else {}
    steps = definition.get("steps")
    return {
        "description": definition.get("description", ""),
        "timeout": limits.get("timeout", "30d"),
        "budget": limits.get("budget_usd"),
        "on_failure": definition.get("on_failure", "stop"),
        "step_count": len(steps) if isinstance(steps, list) else 0,
    }
