"""The problems of a draft as the builder shows them."""

from typing import Any

from workflows_app.core.definition import CheckContext, definition_check
from workflows_app.definition_hooks import problems_of
from workflows_app.models import Workflow
from workflows_app.selectors.definitions import check_context

JSON = Any


def problem_list(workflow: Workflow, context: CheckContext | None = None) -> list[dict[str, JSON]]:
    """Give `{severity, code, step, pointer, message, fix?}` of each problem, errors first."""
    known = context or check_context(workspace=workflow.workspace, workflow=workflow)
    checked = definition_check(workflow.draft, known)
    found = [*checked.problems, *(problems_of(workflow.draft) if checked.digest else ())]
    shown = [problem.as_json() for problem in found]
    return sorted(shown, key=lambda one: one["severity"] != "error")
