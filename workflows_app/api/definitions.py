"""Workflows: validating, drafting, publishing, comparing."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from workflows_app.api.auth import needs, principal
from workflows_app.api.definition_schemas import (
    DiffOut,
    DraftIn,
    PublishIn,
    ValidateIn,
    ValidateOut,
    VersionName,
    VersionOut,
    VersionPage,
    WorkflowIn,
    WorkflowOut,
    WorkflowPage,
)
from workflows_app.api.lookup import person_of, workflow_for
from workflows_app.api.paging import page
from workflows_app.api.schemas import JSON, Paging
from workflows_app.api.workflow_shapes import version_shape, workflow_shape
from workflows_app.core.definition import json_schema
from workflows_app.selectors.definitions import (
    version_diff,
    version_get,
    version_list,
    workflow_list,
)
from workflows_app.selectors.people import workspace_get
from workflows_app.services.definitions import (
    definition_validate,
    draft_save,
    workflow_create,
    workflow_publish,
)

router = Router(tags=["workflows"])


@router.post("definitions/validate", auth=needs("read", "design"), response=ValidateOut)
def validate(request: HttpRequest, payload: ValidateIn) -> dict[str, Any]:
    """Check a definition: everything is compiled and nothing is run."""
    who = principal(request)
    checked = definition_validate(definition=payload.definition, workspace=who.home)
    return {
        "valid": checked.is_valid,
        "digest": checked.digest,
        "problems": [problem.as_json() for problem in checked.problems],
    }


@router.get("definitions/schema", auth=needs(), response=JSON)
def schema(request: HttpRequest) -> dict[str, Any]:
    """The JSON Schema of a definition."""
    return json_schema()


@router.get("workflows", auth=needs("read"), response=WorkflowPage)
def workflows(request: HttpRequest, paging: Query[Paging]) -> dict[str, Any]:
    """The workflows you may see, newest first."""
    rows = workflow_list(actor=principal(request))
    return page(rows, paging.cursor, paging.limit, shape=workflow_shape)


@router.post("workflows", auth=needs("design"), response={201: WorkflowOut})
def create(request: HttpRequest, payload: WorkflowIn) -> Status[Any]:
    """Make a workflow from a draft, which may be incomplete."""
    who = principal(request)
    named = payload.workspace
    workspace = workspace_get(name=named, actor=who) if named else who.home
    who.require("design", workspace.pk)
    workflow = workflow_create(
        workspace=workspace,
        name=payload.name,
        slug=payload.slug,
        definition=payload.definition,
        actor=person_of(who),
    )
    return Status(201, workflow_shape(workflow))


@router.get("workflows/{slug}", auth=needs("read"), response=WorkflowOut)
def workflow(request: HttpRequest, slug: str) -> dict[str, Any]:
    """One workflow with its draft and the draft's problems."""
    return workflow_shape(workflow_for(principal(request), slug))


@router.put("workflows/{slug}/draft", auth=needs("design"), response=WorkflowOut)
def draft(request: HttpRequest, slug: str, payload: DraftIn) -> dict[str, Any]:
    """Save the draft that was based on `revision`; 409 carries the newer one."""
    who = principal(request)
    found = workflow_for(who, slug)
    who.require("design", found.workspace_id)
    saved = draft_save(
        workflow=found,
        definition=payload.definition,
        revision=payload.revision,
        actor=person_of(who),
    )
    return workflow_shape(saved)


@router.post(
    "workflows/{slug}/publish",
    auth=needs("design"),
    response={201: VersionOut, 200: VersionOut},
)
def publish(request: HttpRequest, slug: str, payload: PublishIn) -> Status[Any]:
    """Publish the draft as a version; an unchanged one gives the version that is there (200)."""
    who = principal(request)
    found = workflow_for(who, slug)
    who.require("design", found.workspace_id)
    version, is_new = workflow_publish(
        workflow=found, revision=payload.revision, note=payload.note, actor=person_of(who)
    )
    return Status(201 if is_new else 200, version_shape(version, base=_base(request)))


def _base(request: HttpRequest) -> str:
    return request.build_absolute_uri("/").rstrip("/")


@router.get("workflows/{slug}/versions", auth=needs("read"), response=VersionPage)
def versions(request: HttpRequest, slug: str, paging: Query[Paging]) -> dict[str, Any]:
    """The published versions, newest first."""
    rows = version_list(workflow=workflow_for(principal(request), slug))
    base = _base(request)
    return page(
        rows,
        paging.cursor,
        paging.limit,
        by="-number",
        shape=lambda row: version_shape(row, base=base),
    )


@router.get("workflows/{slug}/versions/{int:number}", auth=needs("read"), response=VersionOut)
def version(request: HttpRequest, slug: str, number: int) -> dict[str, Any]:
    """One published version."""
    found = version_get(workflow=workflow_for(principal(request), slug), number=number)
    return version_shape(found, base=_base(request))


@router.get("workflows/{slug}/diff", auth=needs("read"), response=DiffOut, by_alias=True)
def diff(
    request: HttpRequest,
    slug: str,
    before: Annotated[VersionName, Query(alias="from")],
    after: Annotated[VersionName, Query(alias="to")],
) -> dict[str, Any]:
    """What changed between two versions, or a version and the draft."""
    found = workflow_for(principal(request), slug)
    changes = version_diff(workflow=found, old=before, new=after)
    return {"from": before, "to": after, "changes": [change.as_json() for change in changes]}
