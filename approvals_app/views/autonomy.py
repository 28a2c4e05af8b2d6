"""Which gates could ask less, and which should ask more."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from approvals_app.selectors.autonomy import gate_records, simulate
from approvals_app.services.record import database_now
from approvals_app.views.pages import person_of
from workflows_app.core.expressions import ExpressionProblem
from workflows_app.selectors.people import principal_of_user

JSON = Any
ASKED = ("workflow", "path", "risk", "rule")


@login_required
@require_safe
def autonomy_view(request: HttpRequest) -> HttpResponse:
    """The record of each gate; with a rule in the address, what it would have let through."""
    actor = principal_of_user(person_of(request))
    now = database_now()
    asked = {name: request.GET.get(name, "")[:1_000] for name in ASKED}
    context: dict[str, JSON] = {"lines": gate_records(actor=actor, now=now), "asked": asked}
    status = 200
    if asked["rule"]:
        try:
            context["simulation"] = simulate(actor=actor, now=now, **asked)
        except ExpressionProblem as problem:
            context["problem"] = {"detail": str(problem), "code": problem.code}
            status = 422
    return render(request, "approvals/autonomy.html", context, status=status)
