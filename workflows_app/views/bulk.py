"""One action on many runs from the list: counted, confirmed, watched."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from project.errors import request_id_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import DomainError
from workflows_app.models import BulkOperation
from workflows_app.selectors.bulk import bulk_counts, bulk_effect, bulk_get, bulk_items
from workflows_app.selectors.paging import page
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.run_query import query_parse, query_text
from workflows_app.selectors.runs import run_list
from workflows_app.services.bulk import bulk_fields_set, bulk_propose, bulk_start, bulk_stop
from workflows_app.services.run_export import runs_export

ASKED_ABOVE = 20  # runs
ALWAYS_ASKED = frozenset({"cancel", "skip", "fail"})
SHOWN = 50
WORDS = {
    "retry": ("Retry", "Each runs again from the step that failed it, and everything after it."),
    "cancel": (
        "Cancel",
        "What runs without an effect is cut; what has one is let finish and recorded.",
    ),
    "pause": ("Pause", "Nothing new is begun in them; what runs now finishes."),
    "resume": ("Resume", "They go on where they stopped; their time limits move along."),
    "skip": ("Skip", "The step that stands in the way is passed over and takes done."),
    "fail": ("Fail", "The incident of each is declared as failed."),
}


class StartForm(forms.Form):
    """What the confirmation asks for."""

    reason = forms.CharField(required=False, max_length=10_000)
    rollback = forms.BooleanField(required=False)
    version = forms.IntegerField(required=False, min_value=1, max_value=2_147_483_647)
    output = forms.CharField(required=False, max_length=100_000)


@login_required
@require_POST
def bulk_new(request: HttpRequest) -> HttpResponse:
    """Take the runs that were ticked, or all that match, and go on to what is to be done."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    action, wants_all = request.POST.get("action", ""), "all" in request.POST
    filters, _ = query_parse(request.POST.get("q", ""))
    query = query_text(filters)
    numbers = [int(one) for one in request.POST.getlist("run") if one.isdecimal() and len(one) < 19]
    back = reverse("workflows:runs", query={"q": query} if query else None)
    if action == "compare":
        return _compare(request, numbers, back)
    if not wants_all and not numbers:
        messages.error(request, "Tick the runs that are meant.")
        return redirect(back)
    try:
        if action.startswith("export"):
            ids = None if wants_all else _ids(actor, numbers)
            kind = "csv" if action == "export_csv" else "jsonl"
            return runs_export(principal=actor, query=query, ids=ids, format=kind)
        operation = bulk_propose(
            principal=actor,
            action=action,
            filter=filters if wants_all else None,
            ids=None if wants_all else _ids(actor, numbers),
        )
        if operation.total <= ASKED_ABOVE and action not in ALWAYS_ASKED:
            bulk_start(bulk_id=operation.pk, actor=actor.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect(back)
    return redirect("workflows:bulk", operation.number)


def _compare(request: HttpRequest, numbers: list[int], back: str) -> HttpResponse:
    if len(numbers) != 2:
        messages.error(request, "Tick two runs to compare them.")
        return redirect(back)
    first, second = sorted(numbers)
    return redirect(reverse("workflows:compare", query={"a": first, "b": second}))


def _ids(actor: Principal, numbers: list[int]) -> list[UUID]:
    return list(run_list(actor=actor).filter(number__in=numbers).values_list("pk", flat=True))


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def bulk_page(request: HttpRequest, number: int) -> HttpResponse:
    """What is about to be done to how many runs; then how far it is, with each result."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    operation = bulk_get(actor=actor, number=number)
    return _page(request, actor, operation)


def _page(
    request: HttpRequest,
    actor: Principal,
    operation: BulkOperation,
    problem: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    state = request.GET.get("status", "")
    state = state if state in ("pending", "done", "failed", "left") else ""
    items = bulk_items(operation=operation, state=state or None)
    found = page(items, request.GET.get("cursor") or None, SHOWN, by="pk")
    counts = bulk_counts(operation=operation)
    word, effect = WORDS[operation.action]
    is_mine = operation.actor == actor.actor
    context = {
        "operation": operation,
        "word": word,
        "effect": effect,
        "would": bulk_effect(operation=operation) if operation.state == "proposed" else None,
        "counts": counts,
        "settled": counts["done"] + counts["failed"] + counts["left"],
        "items": found["items"],
        "next": found["next"],
        "cursor": request.GET.get("cursor"),
        "status": state,
        "may_start": is_mine and operation.state == "proposed",
        "may_stop": operation.state == "running" and actor.can("run", operation.workspace_id),
        "needs_reason": operation.action == "cancel",
        "problem": problem,
        "written": request.POST,
    }
    name = "workflows/bulk.html"
    is_part = request.htmx and not problem  # type: ignore[attr-defined]
    return render(request, f"{name}#live" if is_part else name, context, status=status)


@login_required
@require_POST
def bulk_begin(request: HttpRequest, number: int) -> HttpResponse:
    """Begin what was counted; a refusal keeps what was written."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    operation = bulk_get(actor=actor, number=number)
    form = StartForm(request.POST)
    try:
        if not form.is_valid():
            field, errors = next(iter(form.errors.items()))
            return _refused(request, actor, operation, 422, "invalid", f"{field}: {errors[0]}")
        bulk_fields_set(bulk_id=operation.pk, actor=actor.actor, fields=_fields(operation, form))
        reason = form.cleaned_data["reason"]
        bulk_start(bulk_id=operation.pk, actor=actor.actor, reason=reason)
    except JsonRefused as error:
        return _refused(request, actor, operation, 422, error.code, f"Output: {error.message}")
    except DomainError as error:
        return _refused(request, actor, operation, error.status, error.code, error.message)
    return redirect("workflows:bulk", number)


def _fields(operation: BulkOperation, form: StartForm) -> dict[str, Any]:
    given, action = form.cleaned_data, operation.action
    fields: dict[str, Any] = {}
    if action == "cancel" and given["rollback"]:
        fields["rollback"] = True
    if action == "retry" and given["version"]:
        fields["version"] = given["version"]
    if action == "skip" and given["output"]:
        fields["output"] = strict_loads(given["output"])
    return fields


def _refused(
    request: HttpRequest,
    actor: Principal,
    operation: BulkOperation,
    status: int,
    code: str,
    detail: str,
) -> HttpResponse:
    problem = {"detail": detail, "code": code, "request_id": request_id_of(request)}
    operation.refresh_from_db()
    return _page(request, actor, operation, problem, status)


@login_required
@require_POST
def bulk_end(request: HttpRequest, number: int) -> HttpResponse:
    """Leave the runs that were not reached."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    operation = bulk_get(actor=actor, number=number)
    actor.require("run", operation.workspace_id)
    try:
        bulk_stop(bulk_id=operation.pk, actor=actor.actor)
        messages.success(request, "Stopped: the rest was left as it is")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("workflows:bulk", number)
