"""Starting a run: a form drawn from the input's schema, JSON text, or the rows of a CSV file."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from project.errors import request_id_of
from workflows_app.core.canonical import digest
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import Conflict, DomainError, Invalid, NotFound
from workflows_app.models import Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_get, version_newest, workflow_get
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import run_get
from workflows_app.services.definitions import draft_version
from workflows_app.services.start import run_start, runs_start
from workflows_app.views import csv_rows
from workflows_app.views.schema_form import MISSING, form_build
from workflows_app.views.schema_read import form_read

INPUT_LIMIT = 25_000_000


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def start(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the start form; a POST starts one run, however often it is sent."""
    page = StartPage(request, slug)
    if request.method == "GET":
        return page.show()
    page.check_may_start()
    value, problems = page.value_posted()
    if problems:
        return page.show(value, problems, status=422)
    try:
        run, _ = run_start(
            workflow=page.workflow,
            version=page.version,
            input=value,
            mode=page.mode,
            user=page.actor.user,
            actor=page.actor.actor,
            via="page",
            **page.key(value),
        )
    except Invalid as error:
        return page.show(value, error.extra["problems"] or [{"message": error.message}], 422)
    except DomainError as error:
        return page.show(value, [{"message": error.message}], error.status)
    return redirect("workflows:run", number=run_get(actor=page.actor, run_id=run.pk).number)


class StartPage:
    """What the start pages of one workflow share."""

    def __init__(self, request: HttpRequest, slug: str) -> None:
        self.request = request
        self.actor: Principal = principal_of_user(request.user)  # type: ignore[arg-type]
        self.workflow: Workflow = workflow_get(actor=self.actor, slug=slug)
        self.newest = version_newest(workflow=self.workflow)
        wanted = request.POST.get("version") or request.GET.get("version") or ""
        self.is_draft = wanted == "draft" or self.newest is None
        self.number = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else None
        self.needs_key = not (settings.ANTHROPIC_API_KEY or settings.STAND_IN)
        chosen = request.POST.get("mode")
        default = "rehearsal" if self.is_draft or self.needs_key else "live"
        self.mode = chosen if chosen in {"live", "rehearsal"} else default
        self._version: WorkflowVersion | None = None

    @property
    def version(self) -> WorkflowVersion:
        """Give the version that would run; of a draft, a copy made for the rehearsal."""
        if self._version is None:
            if self.is_draft:
                self._version = draft_version(workflow=self.workflow, actor=self.actor.user)
            elif self.number:
                self._version = version_get(workflow=self.workflow, number=self.number)
            else:
                self._version = self.newest
        if self._version is None:
            raise Conflict("Nothing is published yet.", code="not_published")
        return self._version

    @property
    def definition(self) -> Any:
        if self.is_draft:
            return self.workflow.draft
        return self.version.definition

    @property
    def schema(self) -> Any:
        found = self.definition.get("input") if isinstance(self.definition, dict) else None
        return found if isinstance(found, dict) else {}

    def check_may_start(self) -> None:
        """Refuse who may neither run, nor (for a rehearsal) design."""
        is_rehearsal = self.mode == "rehearsal"
        may_run = self.actor.can("run", self.workflow.workspace_id)
        scope = "design" if is_rehearsal and not may_run else "run"
        self.actor.require(scope, self.workflow.workspace_id)

    def value_posted(self) -> tuple[Any, list[dict[str, str]]]:
        """Give the input that was written, by form or as JSON text, and what is unreadable."""
        if self.request.POST.get("as") != "json":
            return form_read(self.schema, self.request.POST.dict())
        text = self.request.POST.get("json", "")
        try:
            return strict_loads(text, max_bytes=INPUT_LIMIT), []
        except JsonRefused as error:
            return text, [{"pointer": "", "code": error.code, "message": error.message}]

    def key(self, value: Any) -> dict[str, str]:
        """Give the idempotency key of the form that was sent: twice starts one run."""
        sent = self.request.POST.get("key", "")
        if not sent:
            return {}
        body = {"input": value, "mode": self.mode, "version": str(self.version.pk)}
        return {"idempotency_key": f"page:{sent[:64]}", "body_digest": digest(body)}

    def show(
        self, value: Any = MISSING, problems: Sequence[Any] = (), status: int = 200
    ) -> HttpResponse:
        """Draw the form, with what was written and what is wrong with it."""
        if value is MISSING:
            value = self._prefill()
        form = form_build(self.schema, value, list(problems))
        asked = "json" in {self.request.POST.get("as"), self.request.GET.get("as")}
        as_json = asked or form.kind != "object"
        context = {
            "workflow": self.workflow,
            "newest": self.newest,
            "number": self.number or (self.newest.number if self.newest else None),
            "is_draft": self.is_draft,
            "form": form,
            "problems": list(problems),
            "as_json": as_json,
            "text": value if isinstance(value, str) and as_json else _text(value),
            "mode": self.mode,
            "needs_key": self.needs_key,
            "may_run": self.actor.can("run", self.workflow.workspace_id),
            "key": self.request.POST.get("key") or uuid4().hex,
            "examples": self._examples(),
            "request_id": request_id_of(self.request),
        }
        return render(self.request, "workflows/start.html", context, status=status)

    def _prefill(self) -> Any:
        """Begin with a past run's input, one of the schema's examples, or nothing."""
        run_number = self.request.GET.get("from", "").removeprefix("RUN-")
        if run_number.isdecimal() and len(run_number) < 18:
            try:
                run = run_get(actor=self.actor, number=int(run_number))
            except NotFound:
                return MISSING
            return run.input if run.workflow_id == self.workflow.pk else MISSING
        place = self.request.GET.get("example", "")
        examples = self._examples()
        if place.isdecimal() and len(place) < 5 and int(place) < len(examples):
            return examples[int(place)]
        return MISSING

    def _examples(self) -> list[Any]:
        examples = self.schema.get("examples")
        return examples[:10] if isinstance(examples, list) else []


def _text(value: Any) -> str:
    return json.dumps({} if value is MISSING else value, indent=2, ensure_ascii=False)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def start_csv(request: HttpRequest, slug: str) -> HttpResponse:
    """Start runs from a table: upload, look and match columns, then start."""
    page = StartPage(request, slug)
    arrays = csv_rows.array_properties(page.schema)
    context: dict[str, Any] = {
        "workflow": page.workflow,
        "newest": page.newest,
        "number": page.number or (page.newest.number if page.newest else None),
        "is_draft": page.is_draft,
        "mode": page.mode,
        "needs_key": page.needs_key,
        "may_run": page.actor.can("run", page.workflow.workspace_id),
        "arrays": arrays,
        "row_limit": csv_rows.ROWS_LIMIT,
    }
    if request.method == "GET":
        return render(request, "workflows/start_csv.html", context)
    page.check_may_start()
    try:
        table = csv_rows.table_of(request)
    except Invalid as error:
        context["problem"] = {"detail": error.message, "request_id": request_id_of(request)}
        return render(request, "workflows/start_csv.html", context, status=422)
    into = request.POST.get("into", "")
    into = into if into in arrays else ""
    plan = csv_rows.Plan.of(page.schema, table, into=into, chosen=request.POST)
    context |= {"table": table, "plan": plan, "into": into}
    if request.POST.get("act") != "start":
        return render(request, "workflows/start_csv.html", context)
    return _start_rows(page, plan, context)


def _start_rows(page: StartPage, plan: csv_rows.Plan, context: dict[str, Any]) -> HttpResponse:
    """Start what the table gives: all of its runs, or none."""
    inputs, problems = plan.inputs(page.schema)
    if problems:
        context["problem"] = {"detail": "Some rows cannot be read.", "problems": problems[:20]}
        return render(page.request, "workflows/start_csv.html", context, status=422)
    try:
        runs = runs_start(
            workflow=page.workflow,
            version=page.version,
            inputs=inputs,
            mode=page.mode,
            user=page.actor.user,
            actor=page.actor.actor,
            via="page",
        )
    except DomainError as error:
        found = error.extra.get("problems") or []
        context["problem"] = {"detail": error.message, "problems": found[:20]}
        return render(page.request, "workflows/start_csv.html", context, status=error.status)
    if len(runs) == 1:
        return redirect("workflows:run", number=run_get(actor=page.actor, run_id=runs[0].pk).number)
    messages.success(page.request, f"{len(runs)} runs started")
    return redirect(f"/runs/?workflow={page.workflow.slug}")
