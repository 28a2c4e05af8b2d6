"""Events: what came in, what each did, and sending one by hand."""

from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.selectors.events import event_get, event_list, latencies
from workflows_app.selectors.paging import page
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.services.events import Incoming, Received, event_receive

SHOWN = 50


class EventForm(forms.Form):
    """An event written by hand."""

    type = forms.CharField(max_length=200)
    subject = forms.CharField(max_length=1_000, required=False)
    data = forms.CharField(max_length=100_000, required=False)  # type: ignore[assignment]

    def clean_type(self) -> str:
        """Refuse a pattern: an event is of one type."""
        if "*" in self.cleaned_data["type"]:
            raise forms.ValidationError("The type of an event has no *.")
        return str(self.cleaned_data["type"])

    def clean_data(self) -> object:
        """Read the data as JSON; nothing is null."""
        try:
            return strict_loads(self.cleaned_data["data"] or "null")
        except JsonRefused as error:
            raise forms.ValidationError(f"The data is no JSON: {error.message}") from None


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def event_list_page(request: HttpRequest) -> HttpResponse:
    """Events, newest first, with the runs that each started or resumed."""
    return _page(request, principal_of_user(request.user), EventForm())  # type: ignore[arg-type]


def _page(
    request: HttpRequest, actor: Principal, form: EventForm, status: int = 200
) -> HttpResponse:
    text, unmatched = request.GET.get("q", "")[:200], "unmatched" in request.GET
    cursor = request.GET.get("cursor")
    found = page(event_list(actor=actor, type=text, unmatched=unmatched), cursor, SHOWN)
    took = latencies(found["items"])
    for event in found["items"]:
        event.took = took.get(event.pk)
    context = {
        "events": found["items"],
        "next": found["next"],
        "cursor": cursor,
        "q": text,
        "unmatched": unmatched,
        "form": form,
        "may_send": "run" in actor.scopes,
        "may_design": "design" in actor.scopes,
        "tab": "stream",
    }
    name = "workflows/events.html"
    is_part = request.htmx and status == 200  # type: ignore[attr-defined]
    return render(request, f"{name}#rows" if is_part else name, context, status=status)


@login_required
@require_POST
def event_send(request: HttpRequest) -> HttpResponse:
    """Take a test event in, as if it had come from outside."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    actor.require("run", actor.home.pk)
    form = EventForm(request.POST)
    if not form.is_valid():
        return _page(request, actor, form, status=422)
    event = Incoming(
        id=str(uuid4()),
        source=f"/people/{request.user.get_username()}",
        type=form.cleaned_data["type"],
        subject=form.cleaned_data["subject"] or None,
        data=form.cleaned_data["data"],
    )
    received = event_receive(workspace=actor.home, event=event, actor=actor.actor, via="page")
    messages.success(request, _said(received))
    return redirect("workflows:events")


@login_required
@require_POST
def event_replay(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a stored event in once more, under a new id."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    known = event_get(actor=actor, pk=pk)
    actor.require("run", known.workspace_id)
    event = Incoming(
        id=f"{known.event_id[:400]}/replay/{uuid4()}",
        source=known.source,
        type=known.type,
        subject=known.subject,
        data=known.data,
        extensions=known.extensions,
    )
    received = event_receive(
        workspace=known.workspace_id, event=event, actor=actor.actor, via="page"
    )
    messages.success(request, _said(received))
    return redirect("workflows:events")


def _said(received: Received) -> str:
    return f"Stored: started {len(received.started)}, resumed {len(received.resumed)}"
