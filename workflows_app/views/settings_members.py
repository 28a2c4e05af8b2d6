"""Members of a workspace: a change is proposed in the browser, and a second admin confirms it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.models import Member, Workspace
from workflows_app.models.people import ROLES
from workflows_app.selectors.people import Principal, group_list, member_list, member_shape
from workflows_app.services.members import member_change_propose, member_change_settle
from workflows_app.views.settings_space import form_handle, frame

HERE = "settings_members"
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

    def clean_groups(self) -> list[str]:
        return sorted(set(self.cleaned_data["groups"].replace(",", " ").split()))


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    """Show who belongs here, and take a proposed change in."""

    def propose(actor: Principal, space: Workspace, wanted: dict[str, Any]) -> str:
        member_change_propose(workspace=space, actor=actor, **wanted)
        return "Proposed: a second admin has to confirm it"

    return form_handle(request, MemberForm, page=_page, act=propose, back=HERE)


@login_required
@require_POST
def member_change(request: HttpRequest, proposal_id: UUID) -> HttpResponse:
    """Confirm a proposed change as a second admin, or drop it."""
    accept = request.POST.get("answer") == "accept"

    def settle(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        member_change_settle(workspace=space, proposal_id=proposal_id, accept=accept, actor=actor)
        return "Changed" if accept else "Dropped"

    return form_handle(request, None, page=_page, act=settle, back=HERE)


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
