"""Members of a workspace: a change is proposed in the browser, and a second admin confirms it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.errors import DomainError
from workflows_app.models import Member, Workspace
from workflows_app.models.people import ROLES
from workflows_app.selectors.people import Principal, group_list, member_list, member_shape
from workflows_app.services.members import member_change_propose, member_change_settle
from workflows_app.views.settings_space import admin_space, frame, refusal

ROLE_MEANINGS = {
    "viewer": "reads",
    "operator": "starts and steers runs",
    "designer": "saves and publishes workflows",
    "reviewer": "sees the inbox",
    "admin": "sets tools, secrets and members",
}


class MemberForm(forms.Form):
    """A person's whole place in the workspace."""

    name = forms.CharField(max_length=150)
    roles = forms.MultipleChoiceField(required=False, choices=[(role, role) for role in ROLES])
    groups = forms.CharField(required=False, max_length=2_000)
    active = forms.BooleanField(required=False)

    def wanted(self) -> dict[str, Any]:
        """Give what the service takes."""
        groups = self.cleaned_data["groups"].replace(",", " ").split()
        return {**self.cleaned_data, "groups": sorted(set(groups))}


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    """Show who belongs here, and take a proposed change in."""
    actor, space = admin_space(request)
    if request.method == "GET":
        return _page(request, actor, space)
    form = MemberForm(request.POST)
    if not form.is_valid():
        said = [f"{name}: {errors[0]}" for name, errors in form.errors.items()]
        return _page(request, actor, space, refused=said, status=422)
    try:
        member_change_propose(workspace=space, actor=actor, **form.wanted())
    except DomainError as error:
        return _page(request, actor, space, refused=refusal(error), status=error.status)
    messages.success(request, "Proposed: a second admin has to confirm it")
    return redirect(f"{reverse('workflows:settings_members')}?workspace={space.slug}")


@login_required
@require_POST
def member_change(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Confirm a proposed change as a second admin, or drop it."""
    actor, space = admin_space(request)
    accept = request.POST.get("answer") == "accept"
    try:
        member_change_settle(workspace=space, proposal_id=proposal_id, accept=accept, actor=actor)
    except DomainError as error:
        return _page(request, actor, space, refused=refusal(error), status=error.status)
    messages.success(request, "Changed" if accept else "Dropped")
    return redirect(f"{reverse('workflows:settings_members')}?workspace={space.slug}")


def _page(
    request: HttpRequest,
    actor: Principal,
    space: Workspace,
    *,
    refused: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = member_list(actor=actor, workspace=space)
    preset = request.GET.getlist("roles")  # of the page of roles
    context = {
        **frame(actor, space, "members"),
        "members": [_row(member) for member in found],
        "groups": group_list(actor=actor, workspace=space),
        "proposals": [
            {**one, "is_mine": one["by"] == actor.actor}
            for one in space.settings.get("member_changes", [])
        ],
        "roles": [(role, ROLE_MEANINGS[role]) for role in ROLES],
        "has_second_admin": _admins(space) > 1,
        "refused": refused,
        "written": request.POST if refused else None,
        "chosen": request.POST.getlist("roles") if refused else preset or ["viewer"],
    }
    return render(request, "workflows/settings/members.html", context, status=status)


def _row(member: Member) -> dict[str, Any]:
    return {**member_shape(member), "last_login": member.user.last_login}


def _admins(space: Workspace) -> int:
    admins = Member.objects.filter(workspace=space, is_active=True, roles__contains=["admin"])
    return admins.count()
