"""Which workspace the settings pages speak of, and who may open them."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
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


def refusal(error: DomainError) -> list[str]:
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
