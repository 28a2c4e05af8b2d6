"""What the canvas of a run reads: the version as it was drawn, and where each place stands."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from workflows_app.builder.answers import json_answer, json_view
from workflows_app.builder.palette import palette
from workflows_app.core.definition.ports import rules_json
from workflows_app.models import Run
from workflows_app.selectors.people import principal_of_user
from workflows_app.selectors.run_places import Place, run_places
from workflows_app.selectors.runs import run_get

JSON = Any


@json_view
@require_safe
def run_canvas(request: HttpRequest, number: int) -> HttpResponse:
    """Give everything that drawing a run needs; nothing of it can be changed."""
    run = _run(request, number)
    return json_answer(
        {
            "revision": 0,
            "definition": run.version.definition,
            "problems": [],
            "palette": palette(),
            "rules": rules_json(),
            "may_edit": False,
            **states_json(run),
        }
    )


@json_view
@require_safe
def run_states(request: HttpRequest, number: int) -> HttpResponse:
    """Give only where each place stands now."""
    return json_answer(states_json(_run(request, number)))


def _run(request: HttpRequest, number: int) -> Run:
    return run_get(actor=principal_of_user(request.user), number=number)  # type: ignore[arg-type]


def states_json(run: Run) -> dict[str, JSON]:
    """Give `[path, state, ms, reason, port, done, total, sample]` of each place.

    The sequence is read with the run, before its steps: what is newer than it comes again.
    """
    now = timezone.now()
    rows = [_row(place, now) for place in run_places(run=run)]
    return {"sequence": run.sequence, "steps": rows}


def _row(place: Place, now: datetime) -> list[JSON]:
    lasted = 0
    if place.began is not None:
        ended = place.ended if place.done == place.total else None
        lasted = max(0, round(((ended or now) - place.began).total_seconds() * 1000))
    is_counted = place.total > 1 or not place.sample
    done, total = (place.done, place.total) if is_counted else (None, None)
    return [place.path, place.state, lasted, place.reason, place.port, done, total, place.sample]
