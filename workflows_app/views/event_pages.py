"""Beside the stream of events: the triggers in force, what goes out, a trigger made of an event."""

import json
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from project.errors import request_id_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import DomainError
from workflows_app.models import WorkflowTrigger
from workflows_app.selectors.definitions import workflow_get, workflow_list
from workflows_app.selectors.events import event_get
from workflows_app.selectors.outgoing import (
    DELIVERY_STATES,
    delivery_get,
    delivery_list,
    firing_list,
    trigger_get,
    trigger_list,
)
from workflows_app.selectors.paging import page
from workflows_app.selectors.people import principal_of_user
from workflows_app.services.deliveries import delivery_body
from workflows_app.services.event_tools import delivery_retry, trigger_add, trigger_proposed
from workflows_app.services.triggers_register import webhook_rotate

_DATA = "=event.data."
SHOWN = 50


class TriggerForm(forms.Form):
    """A trigger for a workflow's draft."""

    workflow = forms.SlugField(max_length=100)
    revision = forms.IntegerField(min_value=1)
    trigger = forms.CharField(max_length=20_000)


@login_required
@require_safe
@never_cache
def triggers_page(request: HttpRequest) -> HttpResponse:
    """Every trigger in force, with its address or its next time."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    base = request.build_absolute_uri("/").rstrip("/")
    context = {"triggers": list(trigger_list(actor=actor)[:200]), "base": base, "tab": "triggers"}
    return render(request, "workflows/event_triggers.html", context)


@login_required
@require_safe
@never_cache
def trigger_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One trigger: what it waits for, how to call it, when it fired."""
    return _trigger(request, pk)


def _trigger(request: HttpRequest, pk: UUID, secret: str | None = None) -> HttpResponse:
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    trigger = trigger_get(actor=actor, pk=pk)
    found = page(firing_list(trigger=trigger), request.GET.get("cursor") or None, SHOWN)
    context = {
        "trigger": trigger,
        "firings": found["items"],
        "next": found["next"],
        "cursor": request.GET.get("cursor"),
        "url": request.build_absolute_uri(f"/hooks/{trigger.pk}"),
        "secret": secret,
        "body": _sample_body(trigger),
        "may_rotate": actor.can("design", trigger.workflow.workspace_id),
    }
    response = render(request, "workflows/event_trigger.html", context)
    response["Cache-Control"] = "no-store"
    return response


def _sample_body(trigger: WorkflowTrigger) -> str:
    """Give data that a call may carry, quoted for a shell: the example of the workflow."""
    schema = trigger.version.definition.get("input")
    examples = schema.get("examples") if isinstance(schema, dict) else None
    example = examples[0] if isinstance(examples, list) and examples else {"order": "O-1"}
    given = trigger.settings.get("input")
    if isinstance(given, dict) and isinstance(example, dict):
        read = {
            source.removeprefix(_DATA): example[name]
            for name, source in given.items()
            if name in example and isinstance(source, str) and source.startswith(_DATA)
        }
        example = read or example
    return json.dumps(example, ensure_ascii=False).replace("'", "'\\''")


@login_required
@require_POST
def trigger_rotate(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give a webhook a new secret, shown on this answer alone."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    trigger = trigger_get(actor=actor, pk=pk)
    actor.require("design", trigger.workflow.workspace_id)
    _, secret = webhook_rotate(workflow=trigger.workflow, trigger_id=pk, actor=actor.actor)
    return _trigger(request, pk, secret)


@login_required
@require_safe
@never_cache
def deliveries_page(request: HttpRequest) -> HttpResponse:
    """What was sent, or is to be sent, to addresses outside."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    state = request.GET.get("state", "")
    state = state if state in DELIVERY_STATES else ""
    deliveries = delivery_list(actor=actor, state=state)
    found = page(deliveries, request.GET.get("cursor") or None, SHOWN)
    for delivery in found["items"]:
        delivery.payload = delivery_body(delivery)
    context = {
        "deliveries": found["items"],
        "next": found["next"],
        "cursor": request.GET.get("cursor"),
        "state": state,
        "states": DELIVERY_STATES,
        "may_send": "run" in actor.scopes,
        "tab": "deliveries",
    }
    return render(request, "workflows/event_deliveries.html", context)


@login_required
@require_POST
def delivery_again(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a delivery once more."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    delivery = delivery_get(actor=actor, pk=pk)
    actor.require("run", delivery.subscription.workspace_id)
    try:
        delivery_retry(delivery_id=pk, actor=actor.actor)
        messages.success(request, "It is sent again now")
    except DomainError as error:
        messages.error(request, error.message)
    return redirect("workflows:deliveries")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def trigger_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a trigger of an event that nothing took: into a draft, published as ever."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    event = event_get(actor=actor, pk=pk)
    actor.require("design", event.workspace_id)
    workflows = workflow_list(actor=actor).filter(workspace_id=event.workspace_id)
    context: dict[str, Any] = {"event": event, "workflows": workflows.order_by("name")[:500]}
    if request.method == "POST":
        return _trigger_add(request, event.workspace_id, context)
    slug = request.GET.get("workflow", "")
    if slug:
        workflow = workflow_get(slug=slug, actor=actor)
        context |= {"workflow": workflow, "trigger": trigger_proposed(event, workflow)}
    return render(request, "workflows/event_trigger_new.html", context)


def _trigger_add(request: HttpRequest, workspace_id: UUID, context: dict[str, Any]) -> HttpResponse:
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    form = TriggerForm(request.POST)
    problem: dict[str, Any] = {"detail": "Choose a workflow and a trigger.", "code": "invalid"}
    status = 422
    if form.is_valid():
        values = form.cleaned_data
        workflow = workflow_get(slug=values["workflow"], actor=actor)
        actor.require("design", workflow.workspace_id)
        context |= {"workflow": workflow, "written": values["trigger"]}
        try:
            trigger_add(
                workflow=workflow,
                trigger=strict_loads(values["trigger"]),
                revision=values["revision"],
                actor=request.user,  # type: ignore[arg-type]
            )
            messages.success(request, "Added to the draft: publish it to put it into force")
            return redirect("workflows:edit", workflow.slug)
        except JsonRefused as error:
            problem = {"detail": f"The trigger is no JSON: {error.message}", "code": error.code}
        except DomainError as error:
            problem, status = {"detail": error.message, "code": error.code}, error.status
    context["problem"] = {**problem, "request_id": request_id_of(request)}
    return render(request, "workflows/event_trigger_new.html", context, status=status)
