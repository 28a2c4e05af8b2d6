"""Models by role: what each means here, what it costs, and whether it answers."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.agents.core.model_specs import DEFAULT_MODELS, model_roles
from workflows_app.agents.selectors.breakers import breaker_rows
from workflows_app.agents.services.models import model_put, model_reset, model_try
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal
from workflows_app.views.settings_space import form_handle, frame

HERE = "settings_models"
PROVIDER = "api.anthropic.com"


class ModelForm(forms.Form):
    """What a role means; the service says what each may be."""

    role = forms.CharField(max_length=100)
    id = forms.CharField(max_length=300, label="Model")
    input_usd = forms.FloatField(label="Price of input")
    output_usd = forms.FloatField(label="Price of output")
    max_tokens = forms.IntegerField(required=False, label="Tokens of one answer")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def models(request: HttpRequest) -> HttpResponse:
    """Show what the roles mean; set one."""

    def put(actor: Principal, space: Workspace, wanted: dict[str, Any]) -> str:
        tokens = wanted["max_tokens"] or 0
        spec = model_put(workspace=space, actor=actor, **{**wanted, "max_tokens": tokens})
        return f"{spec.role} means {spec.id} from the next publication on"

    return form_handle(request, ModelForm, page=_page, act=put, back=HERE)


@login_required
@require_POST
def trial(request: HttpRequest, role: str) -> HttpResponse:
    """Ask a model for one word."""

    def ask(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        reply = model_try(workspace=space, role=role, actor=actor)
        tokens = f"{reply.input_tokens} + {reply.output_tokens} tokens"
        return f"{role} answers ({tokens}, ${reply.cost_usd:.6f})"

    return form_handle(request, None, page=_page, act=ask, back=HERE)


@login_required
@require_POST
def reset(request: HttpRequest, role: str) -> HttpResponse:
    """Let a role mean again what this release says."""

    def forget(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        model_reset(workspace=space, role=role, actor=actor)
        return "As this release says" if role in DEFAULT_MODELS else "Taken away"

    return form_handle(request, None, page=_page, act=forget, back=HERE)


def _page(
    request: HttpRequest,
    actor: Principal,
    space: Workspace,
    *,
    refused: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    chosen = space.settings.get("models") or {}
    roles = model_roles(space.settings)
    breakers = {row.name: row for row in breaker_rows(workspace_id=space.pk)}
    context: dict[str, Any] = {
        **frame(actor, space, "models"),
        "models": [
            {
                "spec": spec,
                "is_set": role in chosen,
                "is_known": role in DEFAULT_MODELS,
                "breaker": breakers.get(f"model:{role}"),
            }
            for role, spec in roles.items()
        ],
        "has_key": bool(settings.ANTHROPIC_API_KEY),
        "uses_stand_in": settings.STAND_IN and not settings.ANTHROPIC_API_KEY,
        "provider": urlsplit(settings.ANTHROPIC_BASE_URL).netloc or PROVIDER,
        "refused": refused,
        "written": request.POST if refused else _written(roles, request.GET.get("role", "")),
    }
    return render(request, "workflows/settings/models.html", context, status=status)


def _written(roles: dict[str, Any], role: str) -> dict[str, Any]:
    """Begin the form with what a role means now."""
    spec = roles.get(role)
    if spec is None:
        return {"role": role}
    names = ("role", "id", "input_usd", "output_usd", "max_tokens")
    return {name: getattr(spec, name) for name in names}
