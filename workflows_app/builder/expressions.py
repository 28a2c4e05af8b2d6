"""Say while somebody writes it whether an expression is right, and what it gives."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from workflows_app.builder.answers import json_answer, json_view, reading
from workflows_app.builder.forms.texts import TextRefused, value_read
from workflows_app.builder.locate import change_at, keys_of, step_locate
from workflows_app.core.definition import definition_check
from workflows_app.core.definition.changes import changes_apply
from workflows_app.core.strict_json import JsonRefused, strict_check
from workflows_app.errors import Invalid
from workflows_app.selectors.definitions import check_context

JSON = Any
TEXT_LIMIT = 20_000
ABOUT = ("expression_", "template_", "unknown_reference", "step_not_before")


@json_view
@require_POST
def expression_check(request: HttpRequest, slug: str) -> HttpResponse:
    """Compile a text as if it stood in a field of a step: `{valid, message, line?, column?}`.

    `field` is the field's pointer from the step, `as` says `cel` for a bare condition and
    `value` for a value. Nothing is saved and nothing is evaluated; of a step that is gone by
    now nothing is said (204).
    """
    workflow, _, _ = reading(request, slug)
    path, field = request.POST.get("path", ""), request.POST.get("field", "")
    text = request.POST.get("text", "")
    if len(text) > TEXT_LIMIT:
        raise Invalid(f"A text of more than {TEXT_LIMIT} characters.", code="too_long")
    located = step_locate(workflow.draft, path) if path else None
    if path and located is None:
        return HttpResponse(status=204)  # renamed or deleted since: there is nothing to say
    try:
        value = text if request.POST.get("as") == "cel" else value_read(text)
        strict_check(value)
    except (TextRefused, JsonRefused) as refused:
        return json_answer({"valid": False, "message": str(refused)})
    keys = (*(located.keys if located else ()), *keys_of(field))
    change = change_at(workflow.draft, keys, value)
    draft, _ = changes_apply(workflow.draft, [change])
    at = (located.pointer if located else "") + field
    checked = definition_check(draft, check_context(workspace=workflow.workspace))
    found = [
        problem.message
        for problem in checked.problems
        if problem.code.startswith(ABOUT)
        and (problem.pointer == at or problem.pointer.startswith(f"{at}/"))
    ]
    return json_answer({"valid": not found, "message": found[0] if found else _praise(value)})


def _praise(value: JSON) -> str:
    if isinstance(value, Mapping | list):
        return "Every expression in it is right."
    return "Right."
