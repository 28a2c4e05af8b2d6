"""Comments and snoozes, by plain forms."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals_app.forms import CommentForm, SnoozeForm
from approvals_app.selectors.requests import approval_get
from approvals_app.services.talk import approval_comment, approval_snooze
from approvals_app.views.actions import form_problem, refused
from approvals_app.views.pages import detail_render, person_of
from approvals_app.views.queue import filters_of
from workflows_app.errors import DomainError


@login_required
@require_POST
def comment_view(request: HttpRequest, number: int) -> HttpResponse:
    """Say something about a request."""
    row = approval_get(approval_id=number, actor=person_of(request))
    form = CommentForm(request.POST)
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form))
    approval_comment(approval_id=row.pk, actor=person_of(request), **form.cleaned_data)
    return redirect(f"{reverse('approvals:detail', args=[number])}#comments")


@login_required
@require_POST
def snooze_view(request: HttpRequest, number: int) -> HttpResponse:
    """Look away from a request until later."""
    row = approval_get(approval_id=number, actor=person_of(request))
    form = SnoozeForm(request.POST)
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form))
    try:
        approval_snooze(approval_id=row.pk, actor=person_of(request), **form.cleaned_data)
    except DomainError as error:
        return refused(request, number, error)
    messages.success(request, f"{row.reference} comes back before its deadline")
    return redirect(f"{reverse('approvals:inbox')}?{filters_of(request.POST).query()}")
