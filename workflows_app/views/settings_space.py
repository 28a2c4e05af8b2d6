"""Which workspace the settings pages speak of, who may open them, and how their forms are taken."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflows_app.errors import DomainError
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal, principal_of_user, workspace_get

PAGES = (
    ("members", "Members"),
    ("roles", "Roles"),
    ("tokens", "Tokens"),
    ("secrets", "Secrets"),
    ("models", "Models"),
    ("notifications", "Notifications"),
)


def admin_space(request: HttpRequest) -> tuple[Principal, Workspace]:
    """Give who asks and the workspace that they administer: the named one, else the first.

    Raises:
        NotFound: there is no workspace of that name for this person.
        Forbidden: this person administers none, or not that one.
    """
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    named = request.GET.get("workspace")
    mine = [space for space in actor.workspaces if actor.can("admin", space.pk)]
    if named:
        space = workspace_get(name=named, actor=actor)
    elif actor.home in mine or not mine:
        space = actor.home
    else:
        space = mine[0]
    actor.require("admin", space.pk)
    return actor, space


def frame(actor: Principal, space: Workspace, page: str) -> dict[str, Any]:
    """Give what the head of each settings page shows."""
    spaces = [one for one in actor.workspaces if actor.can("admin", one.pk)]
    return {"space": space, "spaces": spaces, "pages": PAGES, "here_page": page}


# Carries a form or a button out: words for the next page, or the answer where it shows something.
Act = Callable[[Principal, Workspace, dict[str, Any]], str | HttpResponse]


def form_handle(
    request: HttpRequest,
    form_class: type[forms.Form] | None,
    *,
    page: Callable[..., HttpResponse],
    act: Act,
    back: str,
) -> HttpResponse:
    """Show a settings page, or take its form in; a refusal keeps what was written.

    Args:
        form_class: what checks the fields; None for a button, whose services check what it does.
        page: draws it: `page(request, actor, space, refused=lines, status=422)`.
        act: gets the fields as they were checked.
        back: the name of the page to go on with.
    """
    actor, space = admin_space(request)
    if request.method == "GET":
        return page(request, actor, space)
    form = form_class(request.POST) if form_class is not None else None
    if form is not None and not form.is_valid():
        return page(request, actor, space, refused=_form_refusal(form), status=422)
    try:
        done = act(actor, space, form.cleaned_data if form is not None else {})
    except DomainError as error:
        return page(request, actor, space, refused=_refusal(error), status=error.status)
    if isinstance(done, HttpResponse):
        return done
    messages.success(request, done)
    return redirect(f"{reverse(f'workflows:{back}')}?workspace={space.slug}")


def _form_refusal(form: forms.Form) -> list[str]:
    return [
        f"{form.fields[name].label or name}: {errors[0]}" if name in form.fields else str(errors[0])
        for name, errors in form.errors.items()
    ]


def _refusal(error: DomainError) -> list[str]:
    """Give what a service says against a form, line by line."""
    problems = error.extra.get("problems") or []
    return [error.message, *(f"{one['pointer'][1:]}: {one['message']}" for one in problems)]


@login_required
@require_safe
@never_cache
def settings_home(request: HttpRequest) -> HttpResponse:
    """Lead to the settings that this person has."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    return redirect("workflows:settings_members" if "admin" in actor.scopes else "workflows:me")
