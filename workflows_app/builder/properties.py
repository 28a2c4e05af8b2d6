"""The properties of a step, or of the workflow: a form for each field, saved by itself."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from workflows_app.builder.answers import changed_answer, reading
from workflows_app.builder.forms.nodes import Node
from workflows_app.builder.forms.reading import value_of
from workflows_app.builder.forms.sections import decides, field_find, triggers_kept
from workflows_app.builder.forms.sent import FieldRefused, Sent
from workflows_app.builder.forms.shapes import Shape
from workflows_app.builder.forms.words import label_of
from workflows_app.builder.locate import change_at, keys_of
from workflows_app.builder.problem_list import problem_list
from workflows_app.builder.rename import rename_changes
from workflows_app.builder.step_form import Form, address_of, properties_shown, seen_of
from workflows_app.core.definition import CheckContext
from workflows_app.core.definition.changes import ABSENT, DraftChange
from workflows_app.core.definition.machine_edits import states_followed
from workflows_app.errors import Conflict, DomainError, NotFound
from workflows_app.models import User, Workflow
from workflows_app.selectors.definitions import check_context
from workflows_app.services.draft_changes import DraftChanged, draft_change

JSON = Any
STRUCTURAL = frozenset({"rows", "variants", "named", "steps", "texts", "people", "pairs"}) | {
    "arguments", "schema", "object", "join", "cache", "step",
}  # fmt: skip


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the fields of a step (or, without a path, of the workflow), or save one of them."""
    workflow, actor, user = reading(request, slug)
    path = request.GET.get("path", "")[:2000]
    if request.method == "POST":
        actor.require("design", workflow.workspace_id)
        return _save(request, workflow, user, path)
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    try:
        form = Form(workflow, path, context)
    except NotFound:
        if not request.htmx:  # type: ignore[attr-defined]
            raise
        return HttpResponse(status=204)  # undone or deleted meanwhile: nothing is shown anew
    may_edit = actor.can("design", workflow.workspace_id)
    problems = problem_list(workflow, context)
    template = "builder/step.html" if not request.htmx else "builder/_properties.html"  # type: ignore[attr-defined]
    return render(request, template, {**properties_shown(form, problems), "may_edit": may_edit})


def _save(request: HttpRequest, workflow: Workflow, user: User, path: str) -> HttpResponse:
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    form = Form(workflow, path, context)
    pointer = request.POST.get("field", "")
    if pointer == "/id":
        return _rename(request, form, user)
    shape = field_find(form.sections, pointer)
    if shape is None:
        raise NotFound("There is no such field.")
    sent = Sent(request.POST, request.POST.get("act", ""))
    old = form.value(pointer)
    try:
        value = value_of(shape, sent, "v", old)
        if seen_of(old) != request.POST.get("was", "") and not request.POST.get("force"):
            return _conflict(request, form, pointer, old)
        changes = [_change(form, pointer, value), *_followers(form, pointer, sent)]
        label = f"Edit {label_of(shape.name, pointer).lower()}"
        changed = draft_change(
            workflow=workflow, changes=changes, revision=workflow.revision, actor=user,
            label=label,
        )  # fmt: skip
    except FieldRefused as refused:
        return _refused(request, form, pointer, refused.message)
    except Conflict:
        form = Form(reading(request, workflow.slug)[0], path, context)
        return _conflict(request, form, pointer, form.value(pointer))
    except DomainError as error:
        return _refused(request, form, pointer, error.message)
    return _saved(request, changed, path, context, shape, pointer, changes, label, bool(sent.act))


def _change(form: Form, pointer: str, value: JSON) -> DraftChange:
    if pointer == "/triggers" and form.located is None:
        value = triggers_kept(value)
    return change_at(form.workflow.draft, (*form.keys, *keys_of(pointer)), value)


def _followers(form: Form, pointer: str, sent: Sent) -> list[DraftChange]:
    """What names a state of a machine follows its new name: transitions, and where it begins."""
    if pointer != "/with/states" or form.step.get("kind") != "state_machine":
        return []
    renamed = {
        sent.text(f"v/{index}/~at"): key
        for index in range(sent.count("v"))
        if (key := sent.text(f"v/{index}/~key").strip())
    }
    found = []
    for name, value in states_followed(form.step["with"], renamed).items():
        found.append(change_at(form.workflow.draft, (*form.keys, "with", name), value))
    return found


def _saved(
    request: HttpRequest,
    changed: DraftChanged,
    path: str,
    context: CheckContext,
    shape: Shape,
    pointer: str,
    changes: list[DraftChange],
    label: str,
    is_act: bool,
) -> HttpResponse:
    form = Form(changed.workflow, path, context)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(address_of(form.workflow.slug, path))
    if decides(str(form.step.get("kind")), pointer):
        return _all_drawn(request, form, changes, label)
    problems = problem_list(changed.workflow, context)
    drawing = form.drawing(problems)
    field = form.field(pointer, shape, drawing)
    is_drawn = is_act or field["node"].input in STRUCTURAL or field["node"].input != shape.input
    is_drawn = is_drawn or (shape.input == "condition" and request.POST.get("v/as") == "rows")
    others = []
    if pointer == "/with/tool":
        found = field_find(form.sections, "/with/arguments")
        if found is not None:
            others.append(form.field("/with/arguments", found, drawing))
    shown = {
        "field": field,
        "others": others,
        "is_drawn": is_drawn,
        "address": address_of(form.workflow.slug, path),
        "path": path,
        "may_edit": True,
        "workflow": form.workflow,
        "saved": True,
    }
    response = render(request, "builder/_saved.html", shown)
    if not is_drawn:
        response["HX-Reswap"] = "none"
    return changed_answer(response, changed.workflow, changes, problems, label)


def _rename(request: HttpRequest, form: Form, user: Any) -> HttpResponse:
    wanted = request.POST.get("v", "").strip()
    if form.located is None:
        raise NotFound("There is no such field.")
    label = f"Rename to {wanted}"
    try:
        changes = rename_changes(form.workflow.draft, form.located, wanted)
        changed = draft_change(
            workflow=form.workflow, changes=changes, revision=form.workflow.revision, actor=user,
            label=label,
        )  # fmt: skip
    except DomainError as error:
        return _refused(request, form, "/id", error.message)
    around, _, _ = form.path.rpartition(".")
    path = f"{around}.{wanted}" if around else wanted
    address = address_of(form.workflow.slug, path)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(address)
    renamed = Form(changed.workflow, path, form.context)
    return _all_drawn(request, renamed, changes, label, select=path)


def _all_drawn(
    request: HttpRequest, form: Form, changes: list[DraftChange], label: str, **more: JSON
) -> HttpResponse:
    """Show every field anew; what was open stays open."""
    problems = problem_list(form.workflow, form.context)
    shown = {**properties_shown(form, problems), "may_edit": True}
    response = render(request, "builder/_properties.html", shown)
    response["HX-Retarget"] = "#properties"
    response["HX-Reswap"] = "innerHTML"
    return changed_answer(response, form.workflow, changes, problems, label, **more)


def _refused(request: HttpRequest, form: Form, pointer: str, message: str) -> HttpResponse:
    """Keep what was written and say why it was not saved."""
    node = Node(name="v", id=_id(pointer), pointer=pointer, input="", label="")
    shown = {
        "node": node,
        "was": request.POST.get("was", ""),
        "message": message,
        "address": address_of(form.workflow.slug, form.path),
        "workflow": form.workflow,
    }
    is_part = request.htmx  # type: ignore[attr-defined]
    template = "builder/_refused.html" if is_part else "builder/refused.html"
    response = render(request, template, shown, status=422)
    response["HX-Reswap"] = "none"
    return response


def _conflict(request: HttpRequest, form: Form, pointer: str, theirs: JSON) -> HttpResponse:
    """Show what stands there by now beside what was written, which is kept."""
    node = Node(name="v", id=_id(pointer), pointer=pointer, input="", label="")
    shown = {
        "node": node,
        "was": seen_of(theirs),
        "theirs": None if theirs is ABSENT else theirs,
        "is_absent": theirs is ABSENT,
        "address": address_of(form.workflow.slug, form.path),
        "workflow": form.workflow,
        "message": "Somebody else changed this meanwhile. Yours is not saved yet.",
    }
    is_part = request.htmx  # type: ignore[attr-defined]
    template = "builder/_refused.html" if is_part else "builder/refused.html"
    response = render(request, template, shown, status=409)
    response["HX-Reswap"] = "none"
    return response


def _id(pointer: str) -> str:
    return "p" + "".join(one if one.isalnum() else "-" for one in pointer)
