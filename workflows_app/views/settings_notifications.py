"""How people and other systems are told: mail, chat, and the addresses that subscribed."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workflows_app.models import Workspace
from workflows_app.selectors.outgoing import subscription_list
from workflows_app.selectors.people import Principal
from workflows_app.services.subscriptions import subscription_put, subscription_stop
from workflows_app.views.settings_space import form_handle, frame

HERE = "settings_notifications"
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

    def put(actor: Principal, space: Workspace, wanted: dict[str, Any]) -> str | HttpResponse:
        found, secret = subscription_put(workspace=space, actor=actor.actor, **wanted)
        if secret:
            return _page(request, actor, space, made=(found.name, secret), status=201)
        return f"{found.name} is told of {found.event}"

    return form_handle(request, SubscriptionForm, page=_page, act=put, back=HERE)


@login_required
@require_POST
def stop(request: HttpRequest, name: str) -> HttpResponse:
    """Tell an address nothing more."""

    def end(actor: Principal, space: Workspace, _: dict[str, Any]) -> str:
        subscription_stop(workspace=space, name=name, actor=actor.actor)
        return f"{name} is told nothing more"

    return form_handle(request, None, page=_page, act=end, back=HERE)


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
