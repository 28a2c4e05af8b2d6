"""The problems of a draft, as the definition services list them."""

from typing import Any

from workflows_app.models import Workflow
from workflows_app.services.definitions import definition_validate


def problems_of_draft(workflow: Workflow) -> list[dict[str, Any]]:
    """Give `{severity, code, step, pointer, message}` of each, errors first."""
    checked = definition_validate(definition=workflow.draft, workspace=workflow.workspace)
    problems = checked["problems"] if isinstance(checked, dict) else checked.problems
    found = [one if isinstance(one, dict) else _shape(one) for one in problems]
    return sorted(found, key=lambda one: one["severity"] != "error")


def _shape(problem: Any) -> dict[str, Any]:
    names = ("severity", "code", "step", "pointer", "message")
    return {name: getattr(problem, name, None) for name in names}
