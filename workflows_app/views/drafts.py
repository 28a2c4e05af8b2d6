"""What pages ask of a draft: its problems, the worst first."""

from typing import Any

from workflows_app.models import Workflow
from workflows_app.services.definitions import definition_validate


def problems_of_draft(workflow: Workflow) -> list[dict[str, Any]]:
    """Give `{severity, code, step, pointer, message}` of each problem, errors first."""
    checked = definition_validate(definition=workflow.draft, workflow=workflow)
    found = [problem.as_json() for problem in checked.problems]
    return sorted(found, key=lambda one: one["severity"] != "error")
