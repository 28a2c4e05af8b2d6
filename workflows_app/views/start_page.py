"""What the pages that start runs of one workflow share: version, mode, input, expectations."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from project.errors import request_id_of
from workflows_app.core.canonical import digest
from workflows_app.core.definition.gates import gates_of
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.errors import Conflict, NotFound
from workflows_app.models import Workflow, WorkflowVersion
from workflows_app.selectors.definitions import version_get, version_newest, workflow_get
from workflows_app.selectors.people import Principal, principal_of_user
from workflows_app.selectors.runs import run_get
from workflows_app.selectors.start import gate_rows, past_runs, run_expectation
from workflows_app.services.definitions import draft_version
from workflows_app.services.inputs import schema_problems
from workflows_app.views.schema_form import MISSING, form_build
from workflows_app.views.schema_read import form_read
from workflows_app.views.schema_rows import is_row_act, rows_change

INPUT_LIMIT = 25_000_000


class StartPage:
    """What the start pages of one workflow share."""

    template = "workflows/start.html"

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
            return form_read(self.schema, self.request.POST)
        text = self.request.POST.get("json", "")
        try:
            return strict_loads(text, max_bytes=INPUT_LIMIT), []
        except JsonRefused as error:
            return text, [{"pointer": "", "code": error.code, "message": error.message}]

    def problems_with(self, value: Any, unread: Sequence[Any]) -> list[Any]:
        """Give what could not be read, and what the schema says of the rest."""
        places = {problem["pointer"] for problem in unread}
        found = schema_problems(self.schema, value)
        return [*unread, *(one for one in found if one["pointer"] not in places)]

    def redrawn(self) -> HttpResponse | None:
        """Draw the form again where the button that was pressed asks for no more.

        `as:json` and `as:form` turn what was written into the other way to write it, `add:` and
        `remove:` change the rows of a list.
        """
        act = self.request.POST.get("act", "")
        if is_row_act(act):
            return self.show(self.rows_changed(act))
        if act.startswith("as:"):
            return self.turned(act, *self.value_posted())
        return None

    def rows_changed(self, act: str) -> Any:
        """Give what the form holds with a row more or less in one of its lists."""
        return rows_change(self.schema, self.request.POST, act)

    def turned(self, act: str, value: Any, problems: Sequence[Any]) -> HttpResponse:
        """Show what was written in the other way to write it, unless it cannot be read."""
        was_json = self.request.POST.get("as") == "json"
        wants_json = act == "as:json" or (was_json and bool(problems))
        return self.show(value, problems if was_json else (), as_json=wants_json)

    def key(self, value: Any) -> dict[str, str]:
        """Give the idempotency key of the form that was sent: twice starts one run."""
        sent = self.request.POST.get("key", "")
        if not sent:
            return {}
        body = {"input": value, "mode": self.mode, "version": str(self.version.pk)}
        return {"idempotency_key": f"page:{sent[:64]}", "body_digest": digest(body)}

    def show(
        self,
        value: Any = MISSING,
        problems: Sequence[Any] = (),
        status: int = 200,
        *,
        as_json: bool | None = None,
    ) -> HttpResponse:
        """Draw the form, with what was written and what is wrong with it."""
        if value is MISSING:
            value = self._prefill()
        form = form_build(self.schema, value, list(problems))
        if as_json is None:
            as_json = "json" in {self.request.POST.get("as"), self.request.GET.get("as")}
        as_json = as_json or form.kind != "object"
        context = {
            "workflow": self.workflow,
            "newest": self.newest,
            "number": self.number or (self.newest.number if self.newest else None),
            "is_draft": self.is_draft,
            "form": form,
            "problems": list(problems),
            "as_json": as_json,
            "text": (value if isinstance(value, str) else _text(value)) if as_json else "",
            "mode": self.mode,
            "needs_key": self.needs_key,
            "may_run": self.actor.can("run", self.workflow.workspace_id),
            "key": self.request.POST.get("key") or uuid4().hex,
            "can_be_form": form.kind == "object",
            "examples": self._examples(),
            **self._told(),
            **self.more(),
            "request_id": request_id_of(self.request),
        }
        return render(self.request, self.template, context, status=status)

    def more(self) -> dict[str, Any]:
        """Give what a page of its own adds to the context."""
        return {}

    def _told(self) -> dict[str, Any]:
        """Give what is told beside the form: what to expect, who will be asked, past inputs."""
        version = None if self.is_draft else self.version
        return {
            "expectation": run_expectation(workflow=self.workflow, version=version),
            "gates": gate_rows(gates=gates_of(self.definition), workspace=self.workflow.workspace),
            "past": list(past_runs(actor=self.actor, workflow=self.workflow)),
            "me": self.actor.user.username if self.actor.user else "",
        }

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
