"""What people do to a request, by plain forms; every one of them is a POST."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals_app.forms import ArgumentsForm, DecisionForm, DelegateForm, EscalateForm
from approvals_app.models import ApprovalRequest
from approvals_app.selectors.queue import queue_list
from approvals_app.selectors.requests import approval_get
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.edits import arguments_check
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.record import database_now
from approvals_app.services.seen import approval_see
from approvals_app.services.undo import approval_undo
from approvals_app.views.pages import detail_render, person_of
from approvals_app.views.present import bound_action
from approvals_app.views.queue import after, filters_of
from workflows_app.errors import DomainError, NotFound
from workflows_app.models import StepRun

JSON = Any
DONE = {
    "approve": "Approved",
    "reject": "Rejected",
    "take_over": "Taken over",
    "change": "Approved with changes",
}


@login_required
@require_POST
def decide_view(request: HttpRequest, number: int) -> HttpResponse:
    """Record an answer; what cannot be taken back is confirmed once more before."""
    row = approval_get(approval_id=number, actor=person_of(request))
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form), form=form)
    answer = form.answer()
    if _wants_confirmation(row, answer) and not request.POST.get("confirmed"):
        return detail_render(
            request,
            number,
            status=422,
            confirm=answer,
            posted=request.POST,
            edited=answer["arguments"],
        )
    try:
        decided = approval_decide(
            approval_id=row.pk, actor=person_of(request), via="page", **answer
        )
    except NotFound:
        raise
    except DomainError as error:
        return refused(request, number, error, edited=answer["arguments"])
    return _next(request, row, decided, answer["decision"])


def _wants_confirmation(row: ApprovalRequest, answer: dict[str, JSON]) -> bool:
    """Tell whether yes means now: nobody can take that back."""
    if answer["decision"] == "reject" or row.reason != "approval":
        return False
    effects = StepRun.objects.filter(pk=row.step_run_id).values_list("effect", flat=True)
    return row.risk == "critical" or effects.first() == "irreversible"


def _next(
    request: HttpRequest, answered: ApprovalRequest, decided: ApprovalRequest, decision: str
) -> HttpResponse:
    """Open the next request of the queue, and say what was done."""
    words = DONE[decision] if decided.state != "pending" else "Your answer is recorded for"
    messages.success(request, f"{words} {decided.reference}")
    if request.POST.get("page"):
        return redirect("approvals:detail", decided.number)
    filters = filters_of(request.POST)
    waiting = queue_list(
        user=person_of(request),
        view=filters.view,
        now=database_now(),
        risk=filters.risk,
        due=filters.due,
    )
    later = after(answered, waiting) if filters.view != "decided" else None
    query = filters.query(open=later.reference if later else "")
    return redirect(f"{reverse('approvals:inbox')}?{query}")


@login_required
@require_POST
def edit_view(request: HttpRequest, number: int) -> HttpResponse:
    """Show what an edit would change; nothing is decided yet."""
    row = approval_get(approval_id=number, actor=person_of(request))
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
    return detail_render(request, number, edited=edited, is_edit=True)


@login_required
@require_POST
def undo_view(request: HttpRequest, number: int) -> HttpResponse:
    """Take one's own decision back."""
    row = approval_get(approval_id=number, actor=person_of(request))
    try:
        approval_undo(approval_id=row.pk, actor=person_of(request), via="page")
    except DomainError as error:
        return refused(request, number, error)
    messages.success(request, f"{row.reference} waits again")
    return redirect(f"{reverse('approvals:inbox')}?open={row.reference}")


@login_required
@require_POST
def delegate_view(request: HttpRequest, number: int) -> HttpResponse:
    """Hand one's seat to somebody else."""
    row = approval_get(approval_id=number, actor=person_of(request))
    form = DelegateForm(request.POST)
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form))
    try:
        approval_delegate(approval_id=row.pk, actor=person_of(request), **form.cleaned_data)
    except DomainError as error:
        return refused(request, number, error)
    messages.success(request, f"{row.reference} is with {form.cleaned_data['to']} now")
    return redirect("approvals:detail", number)


@login_required
@require_POST
def escalate_view(request: HttpRequest, number: int) -> HttpResponse:
    """Ask the next people up."""
    row = approval_get(approval_id=number, actor=person_of(request))
    form = EscalateForm(request.POST)
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form))
    try:
        approval_escalate(approval_id=row.pk, actor=person_of(request), **form.cleaned_data)
    except DomainError as error:
        return refused(request, number, error)
    messages.success(request, f"{row.reference} was passed up")
    return redirect("approvals:detail", number)


@login_required
@require_POST
def seen_view(request: HttpRequest, number: int) -> HttpResponse:
    """Note that the page was opened; sent by the page itself."""
    row = approval_get(approval_id=number, actor=person_of(request))
    approval_see(approval_id=row.pk, actor=person_of(request))
    return HttpResponse(status=204)


def refused(request: HttpRequest, number: int, error: DomainError, **more: JSON) -> HttpResponse:
    """Show the request as it is now, with what was refused, and keep what was typed."""
    problem = {"detail": error.message, "code": error.code, **error.extra}
    return detail_render(
        request, number, status=error.status, problem=problem, posted=request.POST, **more
    )


def form_problem(form: Any) -> dict[str, JSON]:
    """Give a form's errors as a problem."""
    problems = [
        {"message": f"{form[name].label if name in form.fields else name}: {text}", "pointer": ""}
        for name, texts in form.errors.items()
        for text in texts
    ]
    return {"detail": "The form is not complete.", "code": "invalid", "problems": problems}
