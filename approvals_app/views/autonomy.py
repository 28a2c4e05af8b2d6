"""Which gates could ask less, and which should ask more."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals_app.forms import GateDraftForm
from approvals_app.selectors.autonomy import gate_records
from approvals_app.selectors.simulate import (
    past_list,
    rule_for,
    simulate_relax,
    simulate_tighten,
)
from approvals_app.services.autonomy import gate_draft
from approvals_app.services.record import database_now
from approvals_app.views.pages import person_of
from workflows_app.core.expressions import ExpressionProblem
from workflows_app.errors import DomainError
from workflows_app.selectors.definitions import version_newest
from workflows_app.selectors.people import principal_of_user

JSON = Any
ASKED = ("workflow", "gate", "risk", "rule", "change")


@login_required
@require_safe
def autonomy_view(request: HttpRequest) -> HttpResponse:
    """The record of each gate; with a gate in the address, what a change of it would have done."""
    return _page(request, {name: request.GET.get(name, "")[:1_000] for name in ASKED})


def _page(request: HttpRequest, asked: dict[str, str], **more: JSON) -> HttpResponse:
    actor = principal_of_user(person_of(request))
    now = database_now()
    status = more.pop("status", 200)
    lines = gate_records(actor=actor, now=now)
    context: dict[str, JSON] = {"lines": lines, "asked": asked, **more}
    if asked["workflow"]:
        place = {name: asked[name] for name in ("workflow", "gate", "risk")}
        past = past_list(actor=actor, now=now, **place)
        same = [one for one in lines if (one["workflow__slug"], one["gate"]) == _key(asked)]
        context["line"] = next((one for one in same if one["risk"] == asked["risk"]), None)
        try:
            context |= _simulated(asked, past)
        except ExpressionProblem as problem:
            context["problem"] = {"detail": str(problem), "code": problem.code}
            status = 422
    return render(request, "approvals/autonomy.html", context, status=status)


def _key(asked: dict[str, str]) -> tuple[str, str]:
    return asked["workflow"], asked["gate"]


def _simulated(asked: dict[str, str], past: list[Any]) -> dict[str, JSON]:
    if asked["change"] == "tighten":
        return {"tightening": simulate_tighten(past)}
    if not asked["rule"]:
        asked["rule"] = rule_for(past) or ""
        return {
            "is_suggested": bool(asked["rule"]),
            "simulation": simulate_relax(past, asked["rule"]) if asked["rule"] else None,
        }
    return {"simulation": simulate_relax(past, asked["rule"])}


@login_required
@require_POST
def gate_draft_view(request: HttpRequest) -> HttpResponse:
    """Write the change into the workflow's draft, and show how it differs from what runs."""
    form = GateDraftForm(request.POST)
    if not form.is_valid():
        messages.error(request, "That change is not complete.")
        return redirect("approvals:autonomy")
    given = form.cleaned_data
    actor = person_of(request)
    try:
        workflow = gate_draft(
            actor=actor,
            workflow=given["workflow"],
            gate=given["gate"],
            change=given["change"],
            rule=given["rule"],
            evidence=_evidence(request, given),
        )
    except DomainError as error:
        asked = {name: str(given.get(name, "")) for name in ASKED}
        problem = {"detail": error.message, "code": error.code, **error.extra}
        return _page(request, asked, status=error.status, problem=problem)
    messages.success(request, "The draft is made. Somebody else looks at it and publishes it")
    newest = version_newest(workflow=workflow)
    if newest is None:
        return redirect("workflows:edit", workflow.slug)
    return redirect("workflows:diff", workflow.slug, newest.number, "draft")


def _evidence(request: HttpRequest, given: dict[str, str]) -> JSON:
    """Give the simulation's counts as they are now, for the record of the change."""
    actor = principal_of_user(person_of(request))
    place = {name: given[name] for name in ("workflow", "gate", "risk")}
    past = past_list(actor=actor, now=database_now(), **place)
    if given["change"] == "tighten":
        tightening = simulate_tighten(past)
        return {"looked_at": tightening.looked_at, "against": tightening.against_count}
    try:
        found = simulate_relax(past, given["rule"])
    except ExpressionProblem:
        return None  # the service says what is wrong with the rule
    return {"looked_at": found.looked_at, "passed": found.passed, "against": found.against_count}
