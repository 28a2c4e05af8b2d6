"""Making a workflow of the text of a definition, JSON or YAML."""

from typing import Any

from workflows_app.core.definition import Definition, definition_from_yaml
from workflows_app.core.strict_json import JsonRefused, strict_loads
from workflows_app.models import User, Workflow, Workspace
from workflows_app.models.fields import json_dump
from workflows_app.services.definitions import workflow_create

JSON = Any
_FIELDS = tuple(Definition.model_fields.items())


def workflow_import(
    *,
    text: str | bytes,
    format: str = "json",
    actor: User,
    workspace: Workspace,
    name: str | None = None,
    slug: str | None = None,
) -> Workflow:
    """Create a workflow from the text of a definition, JSON or YAML; it stays a draft.

    Raises:
        JsonRefused: the text is not JSON or YAML that the product takes, or no definition.
        Conflict: `slug_taken`.
    """
    if format == "yaml":
        document = definition_from_yaml(text if isinstance(text, str) else text.decode())
    else:
        document = strict_loads(text)
    _import_refuse(document)
    named = document.get("name")
    title = name or (named if isinstance(named, str) and named else "Imported workflow")
    return workflow_create(
        name=title[:200], definition=document, actor=actor, workspace=workspace, slug=slug
    )


def _import_refuse(document: JSON) -> None:
    """A file of something else is no draft of ours, however well it is written."""
    if not isinstance(document, dict):
        message = "a definition is an object with format, name and steps"
        raise JsonRefused("not_an_object", message)
    number = document.get("format", 1)
    if number != 1 or isinstance(number, bool):
        said = json_dump(number)[:40]
        message = f"the file has the format {said}; this release reads format 1"
        raise JsonRefused("unknown_format", message, "/format")
    others = document.keys() - {"format", "name", "description"}
    if others and not others & {field.alias or name for name, field in _FIELDS}:
        found = ", ".join(sorted(map(str, others))[:6])
        message = f"this is no definition: it has {found}, and no steps"
        raise JsonRefused("no_definition", message)
