"""What each role may do, as a matrix, and presets to propose a member with."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workflows_app.models import Member
from workflows_app.models.people import ROLES
from workflows_app.selectors.people import ROLE_SCOPES, scopes_of_roles
from workflows_app.views.settings_members import ROLE_MEANINGS
from workflows_app.views.settings_space import admin_space, frame

# What a person can do, and the scope of the product that it needs.
ABILITIES = (
    ("See runs, workflows, events and the audit log", "read"),
    ("Start, pause, retry and cancel runs; send events", "run"),
    ("Save and publish workflows, evaluate them", "design"),
    ("Answer requests that name them or their group", "decide"),
    ("Set tools, secrets, models, tokens and members", "admin"),
)
PRESETS = (
    ("Process owner", "designs and starts, and is asked", ("viewer", "operator", "designer")),
    ("Reviewer", "answers requests", ("viewer", "reviewer")),
    ("Auditor", "reads everything, changes nothing", ("viewer",)),
    ("Administrator", "everything, bound by four eyes", ROLES),
)


@login_required
@never_cache
@require_safe
def roles(request: HttpRequest) -> HttpResponse:
    """Show the matrix, who has which role, and the presets."""
    actor, space = admin_space(request)
    members = Member.objects.filter(workspace=space, is_active=True)
    held = [role for row in members.values_list("roles", flat=True) for role in row]
    context: dict[str, Any] = {
        **frame(actor, space, "roles"),
        "roles": [(role, ROLE_MEANINGS[role], held.count(role)) for role in ROLES],
        "abilities": [
            (what, [(role, _has(role, scope)) for role in ROLES]) for what, scope in ABILITIES
        ],
        "presets": [
            (name, meaning, preset, _propose(space.slug, preset))
            for name, meaning, preset in PRESETS
        ],
    }
    return render(request, "workflows/settings/roles.html", context)


def _has(role: str, scope: str) -> bool:
    # Deciding needs to be named by the request, no more: every member has that.
    return scope in ROLE_SCOPES[role] or scope in scopes_of_roles([])


def _propose(slug: str, preset: tuple[str, ...]) -> str:
    query = urlencode([("workspace", slug), *(("roles", role) for role in preset)])
    return f"{reverse('workflows:settings_members')}?{query}#propose"
