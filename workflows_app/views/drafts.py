"""What pages ask of a draft: its problems, and a copy of it that a rehearsal can run."""

from typing import Any

from workflows_app.models import User, Workflow, WorkflowVersion


def problems_of_draft(workflow: Workflow) -> list[dict[str, Any]]:
    """Give `{severity, code, step, pointer, message}` of each problem, errors first."""
    from workflows_app.services.definitions import definition_validate

    checked = definition_validate(definition=workflow.draft, workspace=workflow.workspace)
    problems = checked["problems"] if isinstance(checked, dict) else checked.problems
    found = [one if isinstance(one, dict) else _shape(one) for one in problems]
    return sorted(found, key=lambda one: one["severity"] != "error")


def _shape(problem: Any) -> dict[str, Any]:
    names = ("severity", "code", "step", "pointer", "message")
    return {name: getattr(problem, name, None) for name in names}


def draft_version(*, workflow: Workflow, actor: User) -> WorkflowVersion:
    """Give the copy of the draft that a rehearsal runs; it has no number."""
    from workflows_app.services.definitions import draft_version_make

    return draft_version_make(workflow=workflow, actor=actor)
