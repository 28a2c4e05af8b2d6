"""What is done beside an answer: delegate, escalate, comment, snooze; each by a plain form."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals_app.forms import CommentForm, DelegateForm, EscalateForm, SnoozeForm
from approvals_app.models import ApprovalRequest
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.talk import approval_comment, approval_snooze
from approvals_app.views.acting import acted
from approvals_app.views.pages import back_to
from approvals_app.views.queue import filters_of


@login_required
@require_POST
def delegate_view(request: HttpRequest, number: int) -> HttpResponse:
    """Hand one's seat to somebody else."""
    form = DelegateForm(request.POST)

    def then(row: ApprovalRequest) -> HttpResponse:
        return _back(request, row, f"{row.reference} is with {form.cleaned_data['to']} now")

    return acted(request, number, form, approval_delegate, then)


@login_required
@require_POST
def escalate_view(request: HttpRequest, number: int) -> HttpResponse:
    """Ask the next people up."""

    def then(row: ApprovalRequest) -> HttpResponse:
        return _back(request, row, f"{row.reference} was passed up")

    return acted(request, number, EscalateForm(request.POST), approval_escalate, then)


@login_required
@require_POST
def comment_view(request: HttpRequest, number: int) -> HttpResponse:
    """Say something about a request."""

    def then(row: ApprovalRequest) -> HttpResponse:
        return redirect(f"{reverse('approvals:detail', args=[row.number])}#comments")

    return acted(request, number, CommentForm(request.POST), approval_comment, then)


@login_required
@require_POST
def snooze_view(request: HttpRequest, number: int) -> HttpResponse:
    """Look away from a request until later."""

    def then(row: ApprovalRequest) -> HttpResponse:
        messages.success(request, f"{row.reference} comes back before its deadline")
        return redirect(f"{reverse('approvals:inbox')}?{filters_of(request.POST).query()}")

    return acted(request, number, SnoozeForm(request.POST), approval_snooze, then)


def _back(request: HttpRequest, row: ApprovalRequest, words: str) -> HttpResponse:
    messages.success(request, words)
    is_page = bool(request.POST.get("page"))
    return redirect(back_to(row, filters_of(request.POST), is_page=is_page))
