"""Versions of a workflow: the list, any two compared, one restored as the draft, files out."""

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from workflows_app.builder import canvas
from workflows_app.builder.answers import editing, reading
from workflows_app.core.definition import definition_to_yaml
from workflows_app.errors import Conflict, NotFound
from workflows_app.models import Workflow
from workflows_app.selectors.definitions import version_get, version_newest
from workflows_app.selectors.pages import version_rows
from workflows_app.services.definitions import draft_restore
from workflows_app.views.compare import compare

JSON = Any
SHOWN = 100
FILE_TYPES = {"json": "application/json", "yaml": "application/yaml"}


@login_required
@never_cache
@require_safe
def versions_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The versions as a page of its own."""
    return render(request, "workflows/versions.html", _context(request, slug))


@login_required
@never_cache
@require_safe
def versions_tab(request: HttpRequest, slug: str) -> HttpResponse:
    """The versions as the builder's tab; without scripts the page."""
    return render(
        request, f"workflows/versions.html{_part(request, 'body')}", _context(request, slug)
    )


def changes_tab(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what the draft changes; a POST is a program that sends changes of the draft."""
    shows = request.method in ("GET", "HEAD")
    return changes_shown(request, slug) if shows else canvas.changes(request, slug)


@login_required
@never_cache
@require_safe
def changes_shown(request: HttpRequest, slug: str) -> HttpResponse:
    """What the draft changes against the newest version or another, as the builder's tab."""
    workflow, _, _ = reading(request, slug)
    newest = version_newest(workflow=workflow)
    wanted = request.GET.get("against", "")
    against = _number(wanted) if wanted else newest.number if newest else None
    context: dict[str, Any] = {"workflow": workflow, "newest": newest, "old": against}
    if against is not None:
        context["comparison"] = compare(_document(workflow, str(against)), workflow.draft)
    return render(
        request, f"workflows/diff.html{_part(request, 'tab')}", {**context, "new": "draft"}
    )


@login_required
@never_cache
@require_safe
def diff(request: HttpRequest, slug: str, old: str, new: str) -> HttpResponse:
    """What changed between any two versions, or from one to the draft."""
    workflow, _, _ = reading(request, slug)
    context = {
        "workflow": workflow,
        "old": old,
        "new": new,
        "comparison": compare(_document(workflow, old), _document(workflow, new)),
    }
    return render(request, "workflows/diff.html", context)


@login_required
@require_safe
def compare_chosen(request: HttpRequest, slug: str) -> HttpResponse:
    """Lead from the two versions chosen in a list to the page that compares them."""
    workflow, _, _ = reading(request, slug)
    old, new = request.GET.get("a", ""), request.GET.get("b", "")
    for name in (old, new):
        _document(workflow, name)
    return redirect("workflows:diff", slug=slug, old=old, new=new)


@login_required
@require_POST
def restore(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Make a version the draft again; what the draft held stays in the record."""
    workflow, user = editing(request, slug)
    version = version_get(workflow=workflow, number=number)
    sent = request.POST.get("revision", "")
    target = reverse("workflows:edit", args=[slug])
    try:
        draft_restore(workflow=workflow, version=version, revision=_number(sent) or 0, actor=user)
        messages.success(request, f"The draft is version {number} again")
    except Conflict as error:
        messages.error(request, f"{error.message} Nothing was changed.")
        target = reverse("workflows:versions", args=[slug])
    if getattr(request, "htmx", False):
        return HttpResponse(headers={"HX-Redirect": target})
    return redirect(target)


@login_required
@never_cache
@require_safe
def export(request: HttpRequest, slug: str, kind: str) -> HttpResponse:
    """The draft or a version as a file, JSON or YAML."""
    workflow, _, _ = reading(request, slug)
    name = request.GET.get("version", "draft")
    document = _document(workflow, name)
    as_json = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    text = definition_to_yaml(document) if kind == "yaml" else as_json
    file = f"{slug}.{kind}" if name == "draft" else f"{slug}-v{name}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return HttpResponse(text, content_type=FILE_TYPES[kind], headers=headers)


def _context(request: HttpRequest, slug: str) -> dict[str, Any]:
    workflow, actor, _ = reading(request, slug)
    return {
        "workflow": workflow,
        "newest": version_newest(workflow=workflow),
        "versions": list(version_rows(workflow=workflow)[:SHOWN]),
        "may_design": actor.can("design", workflow.workspace_id),
    }


def _part(request: HttpRequest, name: str) -> str:
    return f"#{name}" if getattr(request, "htmx", False) else ""


def _document(workflow: Workflow, name: str) -> JSON:
    if name == "draft":
        return workflow.draft
    number = _number(name)
    if number is None:
        raise NotFound(f"{workflow.slug} has no version {name[:20]}.")
    return version_get(workflow=workflow, number=number).definition


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 10 else None
