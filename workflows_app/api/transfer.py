"""Taking workflows in and out, as JSON or YAML."""

from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from workflows_app.api.auth import needs, principal
from workflows_app.api.definition_schemas import ImportIn, VersionName, WorkflowOut
from workflows_app.api.lookup import person_of, workflow_for
from workflows_app.api.workflow_shapes import workflow_shape
from workflows_app.core.definition import definition_to_yaml
from workflows_app.models.fields import json_dump
from workflows_app.selectors.definitions import version_get
from workflows_app.selectors.people import workspace_get
from workflows_app.services.definition_import import workflow_import

router = Router(tags=["workflows"])
TYPES = {"json": "application/json", "yaml": "application/yaml"}


@router.post("definitions/import", auth=needs("design"), response={201: WorkflowOut})
def take_in(request: HttpRequest, payload: ImportIn) -> Status[Any]:
    """Make a draft of a definition's text; nothing in it is looked up or run."""
    who = principal(request)
    workspace = workspace_get(name=payload.workspace, actor=who) if payload.workspace else who.home
    who.require("design", workspace.pk)
    workflow = workflow_import(
        workspace=workspace,
        text=payload.text,
        format=payload.format,
        name=payload.name,
        slug=payload.slug,
        actor=person_of(who),
    )
    return Status(201, workflow_shape(workflow))


@router.get(
    "workflows/{slug}/export",
    auth=needs("read"),
    openapi_extra={
        "responses": {
            200: {
                "description": "The definition",
                "content": {kind: {"schema": {"type": "object"}} for kind in TYPES.values()},
            }
        }
    },
)
def take_out(
    request: HttpRequest,
    slug: str,
    format: Literal["json", "yaml"] = "json",
    version: VersionName = "draft",
) -> HttpResponse:
    """The definition as a file: the draft, or a version."""
    found = workflow_for(principal(request), slug)
    definition = found.draft
    if version != "draft":
        definition = version_get(workflow=found, number=version).definition
    text = definition_to_yaml(definition) if format == "yaml" else json_dump(definition)
    name = f"{found.slug}.{format}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=TYPES[format], headers=headers)
