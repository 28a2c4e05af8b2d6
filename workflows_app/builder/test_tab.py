"""Test runs in the builder: input, how far, what is pinned, and what came of each step."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from workflows_app.builder.answers import editing, reading
from workflows_app.core.canonical import digest
from workflows_app.core.definition.bodies import bodies_of, step_find
from workflows_app.core.definition.ports import ports_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import DomainError, Invalid
from workflows_app.models import DraftPin, Run, StepRun, User, Workflow
from workflows_app.selectors.runs import run_get, step_run_list
from workflows_app.services.rehearsal import (
    PIN_LIMIT,
    outputs_of,
    pin_remove,
    pin_set,
    rehearsal_last,
    rehearsal_start,
)
from workflows_app.services.start import run_start
from workflows_app.views.start_page import StartPage

JSON = Any
STEPS_SHOWN = 200


class TestPage(StartPage):
    """The test tab: the start form of the draft with how far to go and what is pinned."""

    __test__ = False  # no test itself

    def __init__(self, request: HttpRequest, slug: str) -> None:
        super().__init__(request, slug)
        self.is_draft = True
        self.mode = "live" if request.POST.get("mode") == "live" else "rehearsal"
        self.until = request.POST.get("until") or request.GET.get("until") or ""
        self.template = _template(request, "test")
        self.user: User = request.user  # type: ignore[assignment]
        self.run = self._run()
        self.has_started = False  # then the next sending of the form is another run

    def _run(self) -> Run | None:
        """Give the run whose steps are shown: the one named, else the person's newest."""
        number = self.request.GET.get("run", "").removeprefix("RUN-")
        if number.isdecimal() and len(number) < 18:
            found = run_get(actor=self.actor, number=int(number))
            return found if found.workflow_id == self.workflow.pk else None
        return rehearsal_last(workflow=self.workflow, user=self.user)

    def check_may_start(self) -> None:
        """Rehearsing wants run or design; a live run of the published version wants run."""
        super().check_may_start()
        if self.mode == "live" and self.until:
            raise Invalid("A live run goes to its end: choose the whole workflow.")

    def more(self) -> dict[str, Any]:
        """Give the steps to stop after, the pins, and the run that is shown."""
        fresh = {"key": uuid4().hex} if self.has_started else {}
        return {
            **fresh,
            "until": self.until,
            "stops": [
                body.path_of(step["id"])
                for body in bodies_of(self.workflow.draft)
                for step in body.steps()
            ],
            "pins": list(DraftPin.objects.filter(workflow=self.workflow, user=self.user)),
            "may_rehearse": self.actor.can("run", self.workflow.workspace_id)
            or self.actor.can("design", self.workflow.workspace_id),
            **_results(self.run),
        }


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def test(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the test form and the last test run; a POST starts one."""
    page = TestPage(request, slug)
    if request.method == "GET":
        return page.show()
    redrawn = page.redrawn()
    if redrawn is not None:
        return redrawn
    value, problems = page.value_posted()
    try:
        page.check_may_start()
        if problems:
            return page.show(value, page.problems_with(value, problems), status=422)
        run = _start(page, value)
    except DomainError as error:
        found = error.extra.get("problems") or [{"message": error.message}]
        return page.show(value, found, error.status)
    number = run_get(actor=page.actor, run_id=run.pk).number
    if page.mode == "live":
        target = reverse("workflows:run", args=[number])
        return (
            HttpResponse(headers={"HX-Redirect": target}) if _is_htmx(request) else redirect(target)
        )
    if not _is_htmx(request):
        return redirect(f"{reverse('workflows:edit_test', args=[slug])}?run={number}#result")
    page.run, page.has_started = run_get(actor=page.actor, run_id=run.pk), True
    answer = page.show(value)
    painted = {"run": str(run.pk), "number": number, "topic": f"run:{run.pk}"}
    answer["HX-Trigger"] = json.dumps({"canvas:run": painted})
    return answer


def _start(page: TestPage, value: JSON) -> Run:
    """Start what was asked for, once however often the form is sent."""
    sent = page.request.POST.get("key", "")
    version = str(page.newest.pk) if page.newest is not None and page.mode == "live" else "draft"
    body = {"input": value, "mode": page.mode, "version": version, "until": page.until}
    key: dict[str, Any] = {}
    if sent:
        key = {"idempotency_key": f"page:{sent[:64]}", "body_digest": digest(body)}
    if page.mode != "live":
        return rehearsal_start(
            workflow=page.workflow, input=value, actor=page.user, until=page.until, **key
        )
    if page.newest is None:
        raise Invalid("Nothing is published yet, and a draft only rehearses.")
    run, _ = run_start(
        workflow=page.workflow,
        version=page.newest,
        input=value,
        mode="live",
        user=page.user,
        actor=page.actor.actor,
        via="page",
        **key,
    )
    return run


@login_required
@never_cache
@require_safe
def test_run(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The steps of one test run with their outputs; the page asks again when the run changes."""
    workflow, actor, user = reading(request, slug)
    run = run_get(actor=actor, number=number)
    context = {"workflow": workflow, "user_pins": _pinned(workflow, user), **_results(run)}
    return render(request, "builder/test.html#result", context)


@login_required
@never_cache
@require_safe
def test_step(request: HttpRequest, slug: str) -> HttpResponse:
    """What a step gave in the last test run, beside its settings, and what is pinned."""
    return _step_shown(request, slug, request.GET.get("path", "")[:2000])


def _step_shown(request: HttpRequest, slug: str, path: str) -> HttpResponse:
    workflow, _, user = reading(request, slug)
    found = step_find(workflow.draft, path)
    run = rehearsal_last(workflow=workflow, user=user)
    context = {
        "workflow": workflow,
        "path": path,
        "run": run,
        "step": outputs_of(run).get(path) if run else None,
        "pin": DraftPin.objects.filter(workflow=workflow, user=user, step=path).first(),
        "can_pin": found is not None and not found[0].path,
        "can_stop": found is not None,
        "ports": [port for port in ports_of(found[1]) if port != "error"] if found else [],
    }
    return render(request, _template(request, "test_step"), context)


@login_required
@require_POST
def pin(request: HttpRequest, slug: str) -> HttpResponse:
    """Pin an output that was written, or that a run gave; or take a pin away."""
    workflow, user = editing(request, slug)
    step = request.POST.get("step", "")[:100]
    try:
        said = _pin(request, workflow, user, step)
    except JsonRefused as error:
        said = f"The output is not JSON: {error.message}. Nothing was changed."
    except DomainError as error:
        said = f"{error.message} Nothing was changed."
    if not _is_htmx(request):
        messages.info(request, said)
        target = reverse("workflows:edit_test", args=[slug])
        return redirect(f"{target}#result")
    answer = _step_shown(request, slug, step)
    answer["HX-Trigger"] = json.dumps({"toast": {"text": said}})
    return answer


def _pin(request: HttpRequest, workflow: Workflow, user: User, step: str) -> str:
    if request.POST.get("act") == "unpin":
        pin_remove(workflow=workflow, actor=user, step=step)
        return f"{step} runs again"
    port = request.POST.get("port") or "done"
    number = request.POST.get("run", "")
    if number.isdecimal() and len(number) < 18:
        _, actor, _ = reading(request, workflow.slug)
        given = step_run_list(
            run=run_get(actor=actor, number=int(number)), path=step, current_only=True
        ).last()
        if given is None or given.state != "succeeded":
            raise Invalid(f"{step} gave nothing in that run.")
        output, port = given.output, given.port or "done"
    else:
        output = strict_loads(request.POST.get("output", ""), max_bytes=PIN_LIMIT)
    pin_set(workflow=workflow, actor=user, step=step, output=output, port=port)
    return f"{step} is pinned for your test runs"


def _results(run: Run | None) -> dict[str, Any]:
    if run is None:
        return {"run": None}
    steps = [
        step
        for step in step_run_list(run=run, current_only=True)[:STEPS_SHOWN]
        if not step.path.endswith(".undo")
    ]
    inner: dict[str, list[StepRun]] = {}
    for step in steps:
        first = step.path.partition(".")[0].partition("[")[0]
        if step.path != first:
            inner.setdefault(first, []).append(step)
    tops = [step for step in steps if "." not in step.path and "[" not in step.path]
    # An agent runs as a loop, but is an agent to who drew it.
    drawn = run.version.definition.get("steps") or ()
    kinds = {one.get("id"): one.get("kind") for one in drawn if isinstance(one, Mapping)}
    return {
        "run": run,
        "steps": [
            (step, kinds.get(step.step) or step.kind, inner.get(step.path, [])) for step in tops
        ],
    }


def _pinned(workflow: Workflow, user: User) -> list[str]:
    return list(
        DraftPin.objects.filter(workflow=workflow, user=user).values_list("step", flat=True)
    )


def _is_htmx(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))


def _template(request: HttpRequest, name: str) -> str:
    return f"builder/{name}.html#{name}" if _is_htmx(request) else f"builder/{name}.html"
