"""What people do to a request, by plain forms; every one of them is a POST."""

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals_app.forms import ArgumentsForm, DecisionForm
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import next_number, queue_query
from approvals_app.selectors.requests import approval_find, approval_get
from approvals_app.services.decide import approval_decide
from approvals_app.services.edits import arguments_check, changes_check
from approvals_app.services.record import database_now
from approvals_app.services.seen import approval_see
from approvals_app.services.undo import approval_hold, approval_undo
from approvals_app.views.acting import form_problem, refused
from approvals_app.views.answering import is_answered, output_posted
from approvals_app.views.pages import detail_render, person_of, viewer_here
from approvals_app.views.plan import changes_read
from approvals_app.views.present import bound_action
from approvals_app.views.queue import Filters, filters_of
from workflows_app.errors import DomainError, Invalid, NotFound
from workflows_app.models import StepRun
from workflows_app.views.navigation import principal_here

JSON = Any
ASKED = {"approve": "Approve", "take_over": "Take over", "change": "Go on with the changes"}
DONE = {
    "approve": "Approved",
    "reject": "Rejected",
    "take_over": "Taken over",
    "change": "Approved with changes",
}


@login_required
@require_POST
def decide_view(request: HttpRequest, number: int) -> HttpResponse:
    """Record an answer; what cannot be taken back is read once more before."""
    row = approval_find(number=number, actor=viewer_here(request))
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return detail_render(
            request, number, status=422, problem=form_problem(form), posted=request.POST
        )
    answer = form.answer()
    carried = {"edited": answer["arguments"], "changed": answer["changes"]}
    try:
        _read_output(row, request, answer)
        if _wants_confirmation(row, answer) and not request.POST.get("confirmed"):
            return _confirm(request, row, answer, carried)
        decided = approval_decide(
            approval_id=row.pk, actor=principal_here(request), via="page", **answer
        )
    except NotFound:
        raise
    except DomainError as error:
        return refused(request, number, error, **carried)
    return _next(request, row, decided, answer["decision"])


def _read_output(row: ApprovalRequest, request: HttpRequest, answer: dict[str, JSON]) -> None:
    """Take the answer from the fields of a form, where it was written there."""
    if answer["output"] is not None or answer["decision"] not in ("approve", "take_over"):
        return
    if not is_answered(request.POST):
        return
    step_run = StepRun.objects.get(pk=row.step_run_id)
    answer["output"], problems = output_posted(row, step_run, request.POST)
    if problems:
        raise Invalid("The answer cannot be read.", problems=problems)


def _confirm(
    request: HttpRequest, row: ApprovalRequest, answer: dict[str, JSON], carried: dict[str, JSON]
) -> HttpResponse:
    """Show once more what is about to happen for good; nothing is decided yet."""
    given = {"reason": answer["reason"], "label": answer["label"]}
    if answer["output"] is not None:
        given["output"] = json.dumps(answer["output"], ensure_ascii=False)
    return detail_render(
        request,
        row.number,
        confirm=answer,
        confirm_words=ASKED[answer["decision"]],
        again=[(name, value) for name, value in given.items() if value],
        posted=request.POST,
        **carried,
    )


def _wants_confirmation(row: ApprovalRequest, answer: dict[str, JSON]) -> bool:
    """Tell whether yes means now: nobody can take that back."""
    if answer["decision"] == "reject" or row.reason != "approval" or row.state != "pending":
        return False
    effects = StepRun.objects.filter(pk=row.step_run_id).values_list("effect", flat=True)
    return row.risk == "critical" or effects.first() == "irreversible"


def _next(
    request: HttpRequest, answered: ApprovalRequest, decided: ApprovalRequest, decision: str
) -> HttpResponse:
    """Open the next request of the queue, and say what was done."""
    words = DONE[decision] if decided.state != "pending" else "Your answer is recorded for"
    now = database_now()
    if decided.effective_at is None or decided.effective_at <= now:
        messages.success(request, f"{words} {decided.reference}")  # else the undo bar says it
    if request.POST.get("page"):
        return redirect("approvals:detail", decided.number)
    filters = filters_of(request.POST)
    query = filters.query(open=_reference_after(request, answered, filters, now))
    return redirect(f"{reverse('approvals:inbox')}?{query}")


def _reference_after(
    request: HttpRequest, answered: ApprovalRequest, filters: Filters, now: datetime
) -> str:
    if filters.view == "decided":
        return ""
    given = {"view": filters.view, "risk": filters.risk, "due": filters.due}
    rows = queue_query(user=viewer_here(request), now=now, **given)
    number = next_number(rows, answered)
    return f"APR-{number}" if number is not None else ""


@login_required
@require_POST
def edit_view(request: HttpRequest, number: int) -> HttpResponse:
    """Show what an edit, or a changed plan, would change; nothing is decided yet."""
    row = approval_get(approval_id=number, actor=viewer_here(request))
    if row.reason == "checkpoint":
        return _change(request, row)
    arguments = bound_action(row).get("arguments")
    form = ArgumentsForm(arguments, request.POST)
    if not form.is_valid():
        return detail_render(
            request, number, status=422, problem=form_problem(form), edit_form=form
        )
    edited = form.edited()
    try:
        arguments_check(row, StepRun.objects.get(pk=row.step_run_id), edited)
    except DomainError as error:
        return refused(request, number, error, edit_form=form)
    posted = {"reason": request.POST.get("reason", "")}
    return detail_render(request, number, edited=edited, is_edit=True, posted=posted)


def _change(request: HttpRequest, row: ApprovalRequest) -> HttpResponse:
    try:
        changes = changes_read(row, request.POST)
        changes_check(row, changes)
    except DomainError as error:
        return refused(request, row.number, error, is_change=True)
    return detail_render(request, row.number, changed=changes)


@login_required
@require_POST
def undo_view(request: HttpRequest, number: int) -> HttpResponse:
    """Take one's own decision back."""
    row = approval_get(approval_id=number, actor=viewer_here(request))
    try:
        approval_undo(approval_id=row.pk, actor=person_of(request), via="page")
    except DomainError as error:
        return refused(request, number, error)
    messages.success(request, f"{row.reference} waits again")
    return redirect(f"{reverse('approvals:inbox')}?open={row.reference}")


@login_required
@require_POST
def hold_view(request: HttpRequest, number: int) -> HttpResponse:
    """Hold the clock of one's own decision while its person looks at it; asked by the page."""
    row = approval_get(approval_id=number, actor=viewer_here(request))
    try:
        held = approval_hold(
            approval_id=row.pk, actor=person_of(request), holds=bool(request.POST.get("hold"))
        )
    except DomainError as error:
        return JsonResponse({"detail": error.message, "code": error.code}, status=error.status)
    return JsonResponse({"effective_at": held.effective_at.isoformat()})  # type: ignore[union-attr]


@login_required
@require_POST
def seen_view(request: HttpRequest, number: int) -> HttpResponse:
    """Note that the page was opened; sent by the page itself."""
    row = approval_get(approval_id=number, actor=viewer_here(request))
    approval_see(approval_id=row.pk, actor=person_of(request))
    return HttpResponse(status=204)
