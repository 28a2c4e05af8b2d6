"""What every form about a request does alike: do it, or show the request with what was wrong."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse

from approvals_app.models import ApprovalRequest
from approvals_app.selectors.requests import approval_get
from approvals_app.views.pages import detail_render, person_of, viewer_here
from workflows_app.errors import DomainError

JSON = Any


def acted(
    request: HttpRequest,
    number: int,
    form: forms.Form,
    act: Callable[..., object],
    then: Callable[[ApprovalRequest], HttpResponse],
) -> HttpResponse:
    """Let a service do what a form asks of a request.

    Args:
        act: takes `approval_id`, `actor` and what the form holds.
        then: gives the answer where it was done.
    """
    row = approval_get(approval_id=number, actor=viewer_here(request))
    if not form.is_valid():
        return detail_render(request, number, status=422, problem=form_problem(form))
    try:
        act(approval_id=row.pk, actor=person_of(request), **form.cleaned_data)
    except DomainError as error:
        return refused(request, number, error)
    return then(row)


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
