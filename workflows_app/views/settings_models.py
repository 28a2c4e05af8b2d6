"""Models by role: what each means here, what it costs, and whether it answers."""

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.agents.core.model_specs import DEFAULT_MODELS, model_roles
from workflows_app.agents.selectors.breakers import breaker_rows
from workflows_app.agents.services.models import model_put, model_reset, model_try
from workflows_app.errors import DomainError
from workflows_app.models import Workspace
from workflows_app.selectors.people import Principal
from workflows_app.views.settings_space import admin_space, frame, refusal

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
    actor, space = admin_space(request)
    if request.method == "GET":
        return _page(request, actor, space)
    form = ModelForm(request.POST)
    if not form.is_valid():
        said = [f"{form.fields[name].label or name}: {e[0]}" for name, e in form.errors.items()]
        return _page(request, actor, space, refused=said, status=422)
    wanted = {**form.cleaned_data, "max_tokens": form.cleaned_data["max_tokens"] or 0}
    try:
        spec = model_put(workspace=space, actor=actor, **wanted)
    except DomainError as error:
        return _page(request, actor, space, refused=refusal(error), status=error.status)
    messages.success(request, f"{spec.role} means {spec.id} from the next publication on")
    return _back(space)


@login_required
@require_POST
def trial(request: HttpRequest, role: str) -> HttpResponse:
    """Ask a model for one word."""
    actor, space = admin_space(request)
    try:
        reply = model_try(workspace=space, role=role, actor=actor)
    except DomainError as error:
        return _page(request, actor, space, refused=refusal(error), status=error.status)
    tokens = f"{reply.input_tokens} + {reply.output_tokens} tokens"
    messages.success(request, f"{role} answers ({tokens}, ${reply.cost_usd:.6f})")
    return _back(space)


@login_required
@require_POST
def reset(request: HttpRequest, role: str) -> HttpResponse:
    """Let a role mean again what this release says."""
    actor, space = admin_space(request)
    model_reset(workspace=space, role=role, actor=actor)
    messages.success(request, "As this release says" if role in DEFAULT_MODELS else "Taken away")
    return _back(space)


def _back(space: Workspace) -> HttpResponse:
    return redirect(f"{reverse('workflows:settings_models')}?workspace={space.slug}")


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
