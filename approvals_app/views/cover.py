"""Escalation and cover: who is asked, who stands in, and what waits for people who are away."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals_app.forms import CalendarForm, CoverForm, ReassignForm
from approvals_app.models import Calendar
from approvals_app.selectors.cover import cover_list, gates
from approvals_app.selectors.gaps import gaps
from approvals_app.services.calendars import calendar_drop, calendar_put
from approvals_app.services.cover import approvals_reassign, cover_create, cover_end
from approvals_app.services.record import database_now
from approvals_app.views.actions import form_problem
from approvals_app.views.pages import person_of
from workflows_app.errors import DomainError
from workflows_app.selectors.people import principal_of_user

JSON = Any
DAYS = ((1, "Mon"), (2, "Tue"), (3, "Wed"), (4, "Thu"), (5, "Fri"), (6, "Sat"), (7, "Sun"))


@login_required
@require_safe
def escalation_view(request: HttpRequest) -> HttpResponse:
    """Gaps first, then who is away, then each gate as a ladder."""
    return _page(request)


def _page(request: HttpRequest, *, status: int = 200, **more: JSON) -> HttpResponse:
    actor = principal_of_user(person_of(request))
    space, now = actor.home, database_now()
    ladders = gates(workspace=space)
    context = {
        "gaps": gaps(workspace=space, now=now, gates=ladders),
        "covers": cover_list(workspace=space, now=now),
        "gates": ladders,
        "calendars": Calendar.objects.filter(workspace=space).order_by("name"),
        "days": DAYS,
        "is_admin": actor.can("admin", space.pk),
        "posted": request.POST,
        **more,
    }
    return render(request, "approvals/escalation.html", context, status=status)


@login_required
def cover_view(request: HttpRequest) -> HttpResponse:
    """The same page; a POST adds a cover."""
    if request.method != "POST":
        return escalation_view(request)
    form = CoverForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, problem=form_problem(form))
    actor = person_of(request)
    try:
        cover = cover_create(
            actor=actor, workspace=principal_of_user(actor).home, **form.cleaned_data
        )
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, f"{cover.delegate.username} answers for {cover.seat.username}")
    return redirect("approvals:escalation")


@login_required
@require_POST
def cover_end_view(request: HttpRequest, cover_id: int) -> HttpResponse:
    """Call a cover off."""
    try:
        cover_end(actor=person_of(request), cover_id=cover_id)
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, "The cover was called off")
    return redirect("approvals:escalation")


@login_required
@require_POST
def reassign_view(request: HttpRequest) -> HttpResponse:
    """Hand a person's open items to another person."""
    form = ReassignForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, problem=form_problem(form))
    actor = person_of(request)
    try:
        space = principal_of_user(actor).home
        count = approvals_reassign(actor=actor, workspace=space, **form.cleaned_data)
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, f"{count} open items are with {form.cleaned_data['to']} now")
    return redirect("approvals:escalation")


@login_required
@require_POST
def calendar_view(request: HttpRequest) -> HttpResponse:
    """Set the hours of a calendar, or remove it."""
    actor = person_of(request)
    space = principal_of_user(actor).home
    if "drop" in request.POST:
        try:
            calendar_drop(actor=actor, workspace=space, name=request.POST["drop"])
        except DomainError as error:
            return _refused(request, error)
        messages.success(request, "The calendar was removed")
        return redirect("approvals:escalation")
    form = CalendarForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, problem=form_problem(form))
    try:
        calendar = calendar_put(actor=actor, workspace=space, **form.cleaned_data)
    except DomainError as error:
        return _refused(request, error)
    messages.success(request, f"The calendar {calendar.name} is set")
    return redirect("approvals:escalation")


def _refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    problem = {"detail": error.message, "code": error.code, **error.extra}
    return _page(request, status=error.status, problem=problem)
