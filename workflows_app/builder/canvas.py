"""What the canvas and the outline read and send: the draft, and changes of it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from workflows_app.builder.answers import editing, json_answer, json_view, reading
from workflows_app.builder.palette import palette
from workflows_app.builder.problem_list import problem_list
from workflows_app.core.definition.ports import rules_json
from workflows_app.core.strict_json import strict_loads
from workflows_app.errors import Invalid
from workflows_app.selectors.definitions import check_context
from workflows_app.services.draft_changes import changes_read, draft_change

JSON = Any
SENT_LIMIT = 4_000_000  # bytes: a whole definition of 1 MB, before and after


@json_view
@require_safe
def canvas_json(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the draft with everything that drawing and editing it needs."""
    workflow, actor, _ = reading(request, slug)
    context = check_context(workspace=workflow.workspace, workflow=workflow)
    return json_answer(
        {
            "revision": workflow.revision,
            "definition": workflow.draft,
            "problems": problem_list(workflow, context),
            "palette": palette(context),
            "rules": rules_json(),
            "may_edit": actor.can("design", workflow.workspace_id),
        }
    )


@json_view
@require_POST
def changes(request: HttpRequest, slug: str) -> HttpResponse:
    """Apply changes to the draft; what others changed elsewhere is merged."""
    workflow, user = editing(request, slug)
    sent = strict_loads(request.body, max_bytes=SENT_LIMIT)
    revision, label = _read(sent)
    changed = draft_change(
        workflow=workflow,
        changes=changes_read(sent.get("changes")),
        revision=revision,
        actor=user,
        label=label,
    )
    answer: dict[str, JSON] = {
        "revision": changed.workflow.revision,
        "problems": problem_list(changed.workflow),
        "merged": changed.is_merged,
    }
    if changed.is_merged:
        answer["definition"] = changed.workflow.draft
    return json_answer(answer)


def _read(sent: JSON) -> tuple[int, str]:
    """Give the revision and the label of what was sent.

    Raises:
        Invalid: it is no object of revision, changes and label.
    """
    if not isinstance(sent, dict):
        raise Invalid("Send an object of revision, changes and label.", code="bad_changes")
    unknown = sorted(set(sent) - {"revision", "changes", "label"})
    if unknown:
        problem = {
            "pointer": f"/{unknown[0]}",
            "code": "unknown_field",
            "message": f"there is no field {unknown[0]}",
        }
        raise Invalid(f"There is no field {unknown[0]}.", problems=[problem])
    revision, label = sent.get("revision"), sent.get("label", "")
    if type(revision) is not int or revision < 1:
        raise Invalid("revision is the number of the draft that you saw.", code="bad_revision")
    if not isinstance(label, str):
        raise Invalid("label is a text.", code="bad_changes")
    return revision, label
