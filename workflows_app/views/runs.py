"""One run with all that is known of it."""

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from approvals_app.selectors import approval_list
from workflows_app.core.states import STEP_OPEN, RunState
from workflows_app.errors import NotFound
from workflows_app.models import Run, StepRun
from workflows_app.selectors.definitions import version_newest
from workflows_app.selectors.history import event_list, event_shape
from workflows_app.selectors.pages import (
    starter_of,
    step_counts,
)
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import (
    attempt_list,
    run_get,
    run_shape,
    step_run_get,
    step_run_list,
    undo_list,
)
from workflows_app.services.rerun_preview import RerunPreview, rerun_preview
from workflows_app.services.triggers import triggers_allowed
from workflows_app.views.graph import draw
from workflows_app.views.history_rows import compact_rows, full_rows
from workflows_app.views.looks import kind_word
from workflows_app.views.machine import machine_shown
from workflows_app.views.run_words import sentence
from workflows_app.views.step_tree import tree
from workflows_app.views.timeline import timeline

STEPS_SHOWN = 600
EVENTS_SHOWN = 100


@login_required
@require_safe
@never_cache
@vary_on_headers("HX-Request")
def run_page(request: HttpRequest, number: int) -> HttpResponse:
    """One run: a sentence, its facts, steps, times, history, and the selected step."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    run = run_get(actor=actor, number=number)
    context = run_context(request, run, actor)
    template = "workflows/run.html"
    return render(request, f"{template}#live" if request.htmx else template, context)  # type: ignore[attr-defined]


def run_context(request: HttpRequest, run: Run, actor: Principal) -> dict[str, Any]:
    """Give all that the page of a run shows."""
    now = timezone.now()
    under = request.GET.get("under", "")
    steps = _steps(run, under)
    lines = tree(run.version.definition, steps, under)
    requests = list(approval_list(actor=actor, state="pending", run=run.pk)[:20])
    selected = _selected(request, run, steps)
    by_path = {step.path: step for step in steps}
    counts = step_counts(run=run)
    begun, ended = run.started_at, run.finished_at
    waiting_roots = [line for line in lines if line.step is None and line.depth == 0]
    allowed = run_shape(run)["actions"]
    may_run = actor.can("run", run.workspace_id)
    return {
        "run": run,
        "now": now,
        "reference": f"RUN-{run.number}",
        "sentence": sentence(run, steps, requests),
        "here": reverse("workflows:run", args=[run.number]),
        "address": _address(request, run),
        "sprite": static("icons/sprite.svg"),
        "counts": counts,
        "total": counts["total"] + (0 if under else len(waiting_roots)),
        "tokens": run.input_tokens + run.output_tokens,
        "elapsed": (ended or now) - begun if begun else None,
        "done": sum(counts.get(one, 0) for one in ("succeeded", "skipped", "compensated")),
        "starter": starter_of(run=run),
        "lines": lines,
        "under": under,
        "is_cut": len(steps) >= STEPS_SHOWN,
        "view": "steps" if request.GET.get("view") == "steps" or under else "graph",
        "drawing": draw(
            run.version.definition,
            steps=by_path,
            selected=selected.path if selected else "",
            now=now,
        ),
        "timeline": timeline(lines, now=now),
        "actions": allowed if may_run else [],
        "newer_version": _newer_version(run) if "retry" in allowed else None,
        "error_preview": _error_preview(run, allowed if may_run else []),
        **_cancel_shown(run, steps, allowed if may_run else []),
        "incidents": [step for step in steps if step.reason == "incident"],
        "kind_word": kind_word,
        "has_machine": any(step.kind == "state_machine" for step in steps),
        **_history(request, run),
        **_inspector(request, run, selected, allowed if may_run else []),
    }


def _error_preview(run: Run, allowed: list[str]) -> RerunPreview | None:
    """Give what a retry from the step that failed the run would repeat."""
    path = (run.error or {}).get("path")
    return rerun_preview(run=run, path=path) if path and "retry" in allowed else None


def _cancel_shown(run: Run, steps: list[StepRun], allowed: list[str]) -> dict[str, Any]:
    """Give what a cancel undoes in any case, and what it undoes where that is asked."""
    if "cancel" not in allowed:
        return {"unconfirmed": [], "undoable": []}
    return {
        "unconfirmed": [step.path for step in steps if _is_unconfirmed(step)],
        "undoable": list(undo_list(run=run)),
    }


def _is_unconfirmed(step: StepRun) -> bool:
    """Tell whether it has acted, and its result is held while people look at it."""
    is_asked = step.reason == "review" and bool((step.waiting or {}).get("approval"))
    return is_asked and step.port is None


def _address(request: HttpRequest, run: Run) -> str:
    """Give where this page lives, also when another address shows it."""
    query = request.GET.urlencode()
    return reverse("workflows:run", args=[run.number]) + (f"?{query}" if query else "")


def _newer_version(run: Run) -> int | None:
    """Give the newest published version where the run is on an older one."""
    newest = version_newest(workflow=run.workflow)
    if newest is None or newest.number is None or newest.number == run.version.number:
        return None
    return newest.number


def _steps(run: Run, under: str) -> list[StepRun]:
    steps = step_run_list(run=run, path=f"{under}*" if under else None, current_only=True)
    return list(steps.defer("input", "output", "feedback")[:STEPS_SHOWN])


def _selected(request: HttpRequest, run: Run, steps: list[StepRun]) -> StepRun | None:
    """Give the step that the address names, else the one that matters most now."""
    path = request.GET.get("step", "")
    if path:
        try:
            generation = request.GET.get("generation", "")
            wanted = int(generation) if generation.isdecimal() and len(generation) < 9 else None
            return step_run_get(run=run, path=path, generation=wanted)
        except NotFound:
            return None
    best = str((run.error or {}).get("path") or "")
    if run.finished_at is None:
        order = {"waiting": 1, "running": 2, "ready": 3}
        open_steps = [step for step in steps if step.state in order]
        open_steps.sort(key=lambda step: (order[step.state], step.is_container, step.pk))
        best = open_steps[0].path if open_steps else ""
    known = {step.path for step in steps}
    return step_run_get(run=run, path=best) if best in known else None


def _history(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Give a page of the history: the newest hundred events, or those before `before`."""
    before = request.GET.get("before", "")
    style = request.GET.get("events", "compact")
    top = int(before) if before.isdecimal() and len(before) < 9 else run.sequence + 1
    events = event_list(run=run).filter(sequence__lt=top).order_by("-sequence")[:EVENTS_SHOWN]
    ordered = list(events)[::-1]
    rows = full_rows(ordered) if style in {"full", "json"} else compact_rows(ordered)
    shown = [event_shape(event) for event in ordered] if style == "json" else None
    return {
        "events_style": style if style in {"full", "json"} else "compact",
        "rows": rows,
        "events_shape": json.loads(json.dumps(shown, default=str)) if shown is not None else None,
        "older": ordered[0].sequence if ordered and ordered[0].sequence > 1 else None,
        "is_newest": top > run.sequence,
    }


TABS = (
    ("output", "Output"),
    ("input", "Input"),
    ("attempts", "Attempts"),
    ("events", "Events"),
)


def _inspector(
    request: HttpRequest, run: Run, step: StepRun | None, allowed: list[str]
) -> dict[str, Any]:
    if step is None:
        return {"step": None, "tabs": TABS}
    tab = request.GET.get("tab", "output")
    tab = tab if tab in dict(TABS) else "output"
    if tab == "output" and step.output is None and "tab" not in request.GET:
        tab = "input" if step.input is not None else "output"
    all_generations = StepRun.objects.filter(run_id=run.pk, path=step.path)
    is_open = step.reason == "incident"
    step_is_open = step.state in STEP_OPEN and run.state != RunState.PAUSED.value
    may_change = step.is_current
    may_retry = may_change and "retry" in allowed and (is_open or not step_is_open)
    attempts = list(attempt_list(step_run=step))
    for attempt in attempts:
        attempt.lasted = attempt.ended_at - attempt.started_at  # type: ignore[attr-defined]
    return {
        "step": step,
        "step_tokens": step.input_tokens + step.output_tokens,
        "tabs": TABS,
        "tab": tab,
        "attempts": attempts,
        "step_events": full_rows(list(event_list(run=run, path=step.path)[:100]))
        if tab == "events"
        else [],
        "generations": list(
            all_generations.order_by("generation").values_list("generation", flat=True)
        ),
        "step_lasted": step.finished_at - step.started_at
        if step.finished_at and step.started_at
        else None,
        "may_retry": may_retry,
        "step_preview": rerun_preview(run=run, path=step.path) if may_retry else None,
        "may_skip": may_change and "skip" in allowed and (is_open or not step_is_open),
        "triggers": _triggers(run, step) if "pause" in allowed else [],
        "machine": machine_shown(run, step),
        "may_fail": may_change and is_open and "fail" in allowed,
        "input_text": json.dumps(step.input, indent=2, ensure_ascii=False),
    }


def _triggers(run: Run, step: StepRun) -> list[str]:
    """Give what a person may fire at a state machine that is open."""
    if step.kind != "state_machine" or step.state not in STEP_OPEN or not step.is_current:
        return []
    return triggers_allowed(run_id=run.pk, path=step.path)


@login_required
@require_safe
@never_cache
def run_events_json(request: HttpRequest, number: int) -> HttpResponse:
    """The whole history of a run as a file."""
    actor = principal_of_user(request.user)  # type: ignore[arg-type]
    run = run_get(actor=actor, number=number)
    events = [event_shape(event) for event in event_list(run=run).iterator(chunk_size=2000)]
    body = json.dumps({"run": str(run.pk), "number": run.number, "events": events}, default=str)
    return HttpResponse(
        body,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="RUN-{run.number}-events.json"'},
    )
