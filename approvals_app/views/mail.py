"""The page behind a mail's link: reading it decides nothing, its one button does."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from approvals_app.core import shown
from approvals_app.core.states import ApprovalState
from approvals_app.forms import MailDecisionForm
from approvals_app.models import ApprovalRequest, MailLink
from approvals_app.services.mail_links import (
    NEEDS_SIGN_IN,
    LinkSpent,
    link_decide,
    link_get,
    link_works,
)
from approvals_app.views.present import bound_action
from workflows_app.errors import DomainError
from workflows_app.models import StepRun

JSON = Any
GONE = 410


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def mail_view(request: HttpRequest, signed: str) -> HttpResponse:
    """Show what is asked with one form; high and critical requests want a sign-in instead."""
    link = link_get(signed)
    if link.request.risk in NEEDS_SIGN_IN:
        return redirect("approvals:detail", link.request.number)
    if not link_works(link):
        return _page(request, link, status=GONE)
    if request.method != "POST":
        return _page(request, link)
    form = MailDecisionForm(request.POST)
    if not form.is_valid():
        problem = {"detail": "Choose approve or reject.", "code": "invalid"}
        return _page(request, link, status=422, problem=problem)
    found = link_decide(signed=signed, **form.cleaned_data)
    if isinstance(found, LinkSpent):
        return _page(request, link, status=GONE)
    if isinstance(found, DomainError):
        problem = {"detail": found.message, "code": found.code, **found.extra}
        return _page(request, link, status=found.status, problem=problem)
    return _page(request, link, done=found)


def _page(request: HttpRequest, link: MailLink, *, status: int = 200, **more: JSON) -> HttpResponse:
    row: ApprovalRequest = link.request
    row.refresh_from_db()  # a link that lost a race has just learned who won
    context = {
        "approval": row,
        "person": link.person,
        "is_gone": status == GONE,
        "ended": row.state != ApprovalState.PENDING.value,
        "summary": shown.visible(row.summary),
        "recommendation": shown.visible("" if row.is_blind else row.recommendation),
        "fields": shown.rows(bound_action(row).get("arguments")),
        "is_final": StepRun.objects.filter(pk=row.step_run_id, effect="irreversible").exists(),
        "posted": request.POST,
        **more,
    }
    return render(request, "approvals/mail.html", context, status=status)
