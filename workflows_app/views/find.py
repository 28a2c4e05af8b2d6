"""One field that finds runs, requests, workflows and pages by number, id or name.

It is a page of its own, and on every other page the palette that Ctrl K opens.
"""

import re
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.selectors import approval_list
from workflows_app.selectors.pages import workflow_rows
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import run_list
from workflows_app.views.commands import commands_find

NUMBER = re.compile(r"^(?:(RUN|APR)-)?(\d{1,18})$", re.IGNORECASE)
SHOWN = 8
PALETTE = "palette-hits"  # the element of the palette that the answer is for


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def find(request: HttpRequest) -> HttpResponse:
    """List what fits; one exact number leads straight there."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    text = request.GET.get("q", "").strip()[:200]
    hits = _hits(actor, text) if text else []
    exact = len(hits) == 1 and NUMBER.match(text) and "-" in text
    if exact and not request.htmx:  # type: ignore[attr-defined]
        return redirect(hits[0]["url"])
    context = {"q": text, "hits": hits, "commands": commands_find(actor, text)}
    return render(request, _template(request), context)


def _template(request: HttpRequest) -> str:
    """Give the page, its list alone, or the palette's list."""
    if not request.htmx:  # type: ignore[attr-defined]
        return "workflows/find.html"
    is_palette = request.htmx.target == PALETTE  # type: ignore[attr-defined]
    return "components/_palette.html#found" if is_palette else "workflows/find.html#hits"


def _hits(actor: Principal, text: str) -> list[dict[str, Any]]:
    found = NUMBER.match(text)
    kind = (found[1] or "").upper() if found else ""
    hits: list[dict[str, Any]] = []
    if found and kind != "APR":
        hits += [_run(run) for run in run_list(actor=actor).filter(number=int(found[2]))]
    if found and kind != "RUN":
        requests = approval_list(actor=actor).filter(number=int(found[2]))
        hits += [hit for one in requests if (hit := _request(one))]
    if (identifier := _uuid(text)) is not None:
        hits += [_run(run) for run in run_list(actor=actor).filter(pk=identifier)]
    if not kind:
        hits += [_workflow(one) for one in workflow_rows(actor=actor, text=text)[:SHOWN]]
        asked = approval_list(actor=actor).filter(summary__icontains=text)[:SHOWN]
        hits += [hit for one in asked if (hit := _request(one))]
    return hits


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _run(run: Any) -> dict[str, Any]:
    url = reverse("workflows:run", args=[run.number])
    name = f"{run.workflow.name}"
    return {"icon": "activity", "url": url, "name": f"RUN-{run.number}", "more": name}


def _workflow(workflow: Any) -> dict[str, Any]:
    url = reverse("workflows:workflow", args=[workflow.slug])
    return {"icon": "workflow", "url": url, "name": workflow.name, "more": workflow.slug}


def _request(request: Any) -> dict[str, Any] | None:
    try:
        url = reverse("approvals:detail", args=[request.number])
    except NoReverseMatch:
        return None
    return {"icon": "inbox", "url": url, "name": f"APR-{request.number}", "more": request.summary}
