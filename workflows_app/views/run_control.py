"""Steering a run from its page: forms that post, whether or not scripts run."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from project.errors import request_id_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import DomainError
from workflows_app.forms import CancelForm, ReasonForm, StepActionForm, TriggerForm
from workflows_app.models import Run
from workflows_app.selectors.people import principal_of_user
from workflows_app.selectors.runs import run_get
from workflows_app.services.carry_on import run_carry_on
from workflows_app.services.control import run_cancel, run_pause, run_resume, run_rollback
from workflows_app.services.rerun import run_fail, run_retry, run_skip
from workflows_app.services.triggers import trigger_fire
from workflows_app.views.runs import run_context

ACTIONS: dict[str, tuple[Callable[..., Any], type[ReasonForm], str]] = {
    "pause": (run_pause, ReasonForm, "Paused: nothing new is begun"),
    "resume": (run_resume, ReasonForm, "Going on"),
    "cancel": (run_cancel, CancelForm, "Cancelling"),
    "rollback": (run_rollback, ReasonForm, "Undoing what was done"),
    "retry": (run_retry, StepActionForm, "Running again from there"),
    "skip": (run_skip, StepActionForm, "Skipped"),
    "fail": (run_fail, StepActionForm, "Marked as failed"),
    "trigger": (trigger_fire, TriggerForm, "The trigger was fired"),
}
FIELDS = {"retry": ("path", "input", "version"), "skip": ("path", "output"), "fail": ("path",)}
FIELDS["trigger"] = ("path", "trigger", "data")
TEXTS_OF_JSON = frozenset({"input", "output", "data"})


@login_required
@require_POST
def control(request: HttpRequest, number: str, action: str) -> HttpResponse:
    """Carry out one control call and show the run again; a refusal keeps what was written."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    run = run_get(actor=actor, number=int(number) if len(number) < 19 else -1)
    actor.require("run", run.workspace_id)
    act, form_class, done = ACTIONS[action]
    form = form_class(request.POST)
    if not form.is_valid():
        first = next(iter(form.errors.values()))[0]
        return _refused(request, run, {"detail": str(first), "code": "invalid"}, 422)
    try:
        fields = _fields(action, form)
        if "version" in fields:
            act, fields["user"] = run_carry_on, actor.user
        result = act(run_id=run.pk, actor=actor.actor, **fields)
    except JsonRefused as error:
        return _refused(request, run, {"detail": error.message, "code": error.code}, 422)
    except DomainError as error:
        problem = {"detail": error.message, "code": error.code, **error.extra}
        return _refused(request, run, problem, error.status)
    messages.success(request, done)
    shown = result if isinstance(result, Run) and result.pk != run.pk else run
    return HttpResponseRedirect(_address(shown.number, request.POST))


def _fields(action: str, form: ReasonForm) -> dict[str, Any]:
    """Give the keyword arguments of the service; JSON texts are parsed strictly."""
    given = {"reason": form.cleaned_data["reason"]}
    if action == "cancel":
        given["rollback"] = form.cleaned_data["rollback"]
    if action == "trigger":
        given["data"] = None
    for name in FIELDS.get(action, ()):
        value = form.cleaned_data.get(name)
        if value in (None, ""):
            continue
        given[name] = strict_loads(value) if name in TEXTS_OF_JSON else value
    return given


def _address(number: int, posted: QueryDict) -> str:
    """Go back to the run with the step that was selected."""
    step = posted.get("path", "")
    query = QueryDict(mutable=True)
    if step:
        query["step"] = step
    suffix = f"?{query.urlencode()}" if query else ""
    return reverse("workflows:run", args=[number]) + suffix


def _refused(request: HttpRequest, run: Run, problem: dict[str, Any], status: int) -> HttpResponse:
    """Show the newer state beside what the person wrote, and say what was not done."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    context = run_context(request, run_get(actor=actor, run_id=run.pk), actor)
    context["problem"] = {**problem, "request_id": request_id_of(request)}
    context["written"] = json.loads(json.dumps(request.POST.dict()))
    return render(request, "workflows/run.html", context, status=status)
