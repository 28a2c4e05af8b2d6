"""Secrets of a workspace: written, replaced and deleted here, and never shown."""

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.agents.selectors.secrets import secret_list, secret_uses
from workflows_app.agents.services.secrets import secret_delete, secret_put
from workflows_app.errors import Invalid
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal
from workflows_app.views.settings_space import form_handle, frame

HERE = "settings_secrets"


class SecretForm(forms.Form):
    """A name and a value; the service says what either may be."""

    name = forms.CharField(max_length=200)
    value = forms.CharField(max_length=20_000, strip=False)


@login_required
@never_cache
@sensitive_post_parameters("value")
@require_http_methods(["GET", "POST"])
def secrets(request: HttpRequest) -> HttpResponse:
    """Show which secrets there are and what uses them; set one."""

    def put(actor: Principal, space: Workspace, wanted: dict[str, Any]) -> str:
        is_new = secret_put(workspace=space, actor=actor.actor, user=actor.user, **wanted)
        return "Kept" if is_new else "Replaced"

    return form_handle(request, SecretForm, page=_page, act=put, back=HERE)


@login_required
@require_POST
def secret_end(request: HttpRequest, name: str) -> HttpResponse:
    """Delete a secret; one that is in use only for who writes its name."""

    def end(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        uses = sorted({user for secret, user in secret_uses(workspace=space) if secret == name})
        if uses and request.POST.get("confirm", "").strip() != name:
            used = ", ".join(uses)
            raise Invalid(f"{name} is used by {used}: write its name to delete it all the same.")
        users = secret_delete(workspace=space, name=name, actor=actor.actor)
        fails = f"; calls of {', '.join(users)} fail until it is set again" if users else ""
        return f"{name} is deleted{fails}"

    return form_handle(request, None, page=_page, act=end, back=HERE)


def _page(
    request: HttpRequest,
    actor: Principal,
    space: Workspace,
    *,
    refused: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    uses: dict[str, list[str]] = defaultdict(list)
    for name, user in secret_uses(workspace=space):
        uses[name].append(user)
    found = secret_list(actor=actor, workspace=space)
    known = {secret.name for secret in found}
    context: dict[str, Any] = {
        **frame(actor, space, "secrets"),
        "secrets": [(secret, sorted(set(uses[secret.name]))) for secret in found],
        "missing": [(name, sorted(set(uses[name]))) for name in sorted(uses.keys() - known)],
        "refused": refused,
        "name": request.POST.get("name", "") if refused else request.GET.get("name", ""),
    }
    return render(request, "workflows/settings/secrets.html", context, status=status)
