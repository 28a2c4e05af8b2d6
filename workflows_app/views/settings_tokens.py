"""API tokens of a workspace: made for oneself or for a service, shown once, ended here."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.models import Workspace
from workflows_app.models.people import SCOPES
from workflows_app.selectors.people import Principal, token_list
from workflows_app.services.tokens import token_create, token_revoke
from workflows_app.views.settings_space import form_handle, frame

HERE = "settings_tokens"
SCOPE_MEANINGS = {
    "read": "see everything",
    "run": "start and steer runs",
    "design": "save and publish",
    "decide": "answer requests, as the person only",
    "admin": "tools, secrets, members",
}


class TokenForm(forms.Form):
    """A token of one's own, or of a service; nobody makes a token of somebody else."""

    owner = forms.ChoiceField(choices=[("me", "me"), ("service", "service")])
    service = forms.RegexField(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$", required=False)
    scopes = forms.MultipleChoiceField(choices=[(scope, scope) for scope in SCOPES])
    days = forms.IntegerField(required=False, min_value=1, max_value=3650)

    def clean(self) -> dict[str, object]:
        """A service has a name."""
        found = super().clean() or {}
        if found.get("owner") == "service" and not found.get("service"):
            self.add_error("service", "A service needs a name: letters, digits, _ . and -")
        return found


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show the tokens, of which only the hints are known; make one and show it once."""

    def make(actor: Principal, space: Workspace, wanted: dict[str, Any]) -> HttpResponse:
        is_mine = wanted["owner"] == "me"
        plain = token_create(
            workspace=space,
            scopes=wanted["scopes"],
            actor=actor.actor,
            user=actor.user if is_mine else None,
            service=None if is_mine else wanted["service"],
            life=timedelta(days=wanted["days"]) if wanted["days"] else None,
        )
        return _page(request, actor, space, plain=plain, status=201)

    return form_handle(request, TokenForm, page=_page, act=make, back=HERE)


@login_required
@require_POST
def token_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token now."""

    def end(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        token = get_object_or_404(token_list(actor=actor, workspace=space), pk=pk)
        token_revoke(token=token, actor=actor.actor, why=request.POST.get("reason", "")[:1000])
        return "The token no longer works"

    return form_handle(request, None, page=_page, act=end, back=HERE)


def _page(
    request: HttpRequest,
    actor: Principal,
    space: Workspace,
    *,
    refused: list[str] | None = None,
    plain: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        **frame(actor, space, "tokens"),
        "tokens": token_list(actor=actor, workspace=space)[:200],
        "now": timezone.now(),
        "scopes": [(scope, SCOPE_MEANINGS[scope]) for scope in SCOPES],
        "refused": refused,
        "plain": plain,
        "written": request.POST if refused else None,
        "chosen": request.POST.getlist("scopes") if refused else ["read"],
    }
    return render(request, "workflows/settings/tokens.html", context, status=status)
