"""Writing versions: checked, expanded into primitives, with what they name pinned."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import Max

from workflows_app.core.definition import Checked, definition_check
from workflows_app.core.expand import expand
from workflows_app.definition_hooks import pins_of, problems_of
from workflows_app.errors import Invalid
from workflows_app.models import User, Workflow, WorkflowVersion, Workspace
from workflows_app.selectors.definitions import check_context, version_newest

JSON = Any


def definition_validate(
    *, definition: JSON, workspace: Workspace | None = None, workflow: Workflow | None = None
) -> Checked:
    """Check a document; with a workspace also against its tools, people and workflows."""
    space = workspace or (workflow.workspace if workflow is not None else None)
    context = check_context(workspace=space, workflow=workflow) if space is not None else None
    checked = definition_check(definition, context)
    if checked.digest is None:
        return checked
    return replace(checked, problems=(*checked.problems, *problems_of(definition)))


def version_write(
    workflow: Workflow,
    *,
    note: str,
    actor: User | None,
    is_numbered: bool,
    definition: dict[str, JSON] | None = None,
) -> WorkflowVersion:
    """Write the draft as a version: numbered, or a copy for rehearsals.

    Args:
        definition: what a test run makes of the draft, instead of the draft itself.

    Raises:
        Invalid: the draft has problems; `problems` lists them.
    """
    document = workflow.draft if definition is None else definition
    checked = definition_validate(definition=document, workflow=workflow)
    if not checked.is_valid or checked.digest is None:
        raise Invalid(
            "The draft has problems that must be solved first.",
            code="definition_invalid",
            problems=[problem.as_json() for problem in checked.problems],
        )
    number = None
    if is_numbered:
        number = (workflow.versions.aggregate(newest=Max("number"))["newest"] or 0) + 1
    expanded = expand(document)
    version = WorkflowVersion.objects.create(
        workflow=workflow,
        number=number,
        digest=checked.digest,
        definition=document,
        expanded=expanded,
        pins=pins_find(workflow, expanded),
        note=note,
        published_by=actor,
    )
    version.refresh_from_db(fields=["published_at"])
    return version


def pins_find(workflow: Workflow, expanded: Mapping[str, JSON]) -> dict[str, JSON]:
    """Fix what the definition only names: child workflows here, tools and models by their app."""
    slugs = {
        step["with"]["slug"]
        for step in steps_within(expanded)
        if step["kind"] == "workflow" and not step["with"].get("version")
    } - {workflow.slug}
    newest = {
        child.slug: str(version.pk)
        for child in Workflow.objects.filter(workspace=workflow.workspace_id, slug__in=slugs)
        if (version := version_newest(workflow=child)) is not None
    }
    return {"tools": {}, "models": {}, "workflows": newest} | pins_of(workflow.workspace, expanded)


def steps_within(value: JSON) -> Iterator[Mapping[str, JSON]]:
    """Give every step of an expanded definition, at any depth, bodies that are data included."""
    if isinstance(value, Mapping):
        if isinstance(value.get("kind"), str) and isinstance(value.get("with"), Mapping):
            yield value
        for key, item in value.items():
            if key != "origin":
                yield from steps_within(item)
    elif isinstance(value, list):
        for item in value:
            yield from steps_within(item)
