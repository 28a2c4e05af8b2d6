"""How people and other systems are told: mail, chat, and the addresses that subscribed."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.errors import DomainError
from workflows_app.models import Workspace
from workflows_app.selectors.outgoing import subscription_list
from workflows_app.selectors.people import Principal
from workflows_app.services.subscriptions import subscription_put, subscription_stop
from workflows_app.views.settings_space import admin_space, frame, refusal

# What can be told of requests, offered beside any other type of event.
OFFERED = (
    "approval.*",
    "approval.requested",
    "approval.escalated",
    "approval.decided",
    "approval.expired",
)


class SubscriptionForm(forms.Form):
    """A name, a type of event and an address; the service says what each may be."""

    name = forms.CharField(max_length=200)
    event = forms.CharField(max_length=200)
    url = forms.CharField(max_length=2000, label="address")


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def notifications(request: HttpRequest) -> HttpResponse:
    """Show the channels and subscriptions; set one and show its secret once."""
    actor, space = admin_space(request)
    if request.method == "GET":
        return _page(request, actor, space)
    form = SubscriptionForm(request.POST)
    if not form.is_valid():
        said = [f"{form.fields[name].label or name}: {e[0]}" for name, e in form.errors.items()]
        return _page(request, actor, space, refused=said, status=422)
    try:
        found, secret = subscription_put(workspace=space, actor=actor.actor, **form.cleaned_data)
    except DomainError as error:
        return _page(request, actor, space, refused=refusal(error), status=error.status)
    if secret:
        return _page(request, actor, space, made=(found.name, secret), status=201)
    messages.success(request, f"{found.name} is told of {found.event}")
    return _back(space)


@login_required
@require_POST
def stop(request: HttpRequest, name: str) -> HttpResponse:
    """Tell an address nothing more."""
    actor, space = admin_space(request)
    subscription_stop(workspace=space, name=name, actor=actor.actor)
    messages.success(request, f"{name} is told nothing more")
    return _back(space)


def _back(space: Workspace) -> HttpResponse:
    return redirect(f"{reverse('workflows:settings_notifications')}?workspace={space.slug}")


def _page(
    request: HttpRequest,
    actor: Principal,
    space: Workspace,
    *,
    refused: list[str] | None = None,
    made: tuple[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        **frame(actor, space, "notifications"),
        "subscriptions": subscription_list(actor=actor, workspace=space),
        "offered": OFFERED,
        "mail_server": settings.EMAIL_SERVER,
        "mail_from": settings.DEFAULT_FROM_EMAIL,
        "deliveries_kept": settings.DELIVERIES_KEPT_DAYS,
        "events_kept": settings.EVENTS_KEPT_DAYS,
        "refused": refused,
        "made": made,
        "written": request.POST if refused else {"name": request.GET.get("name", "")},
    }
    return render(request, "workflows/settings/notifications.html", context, status=status)
