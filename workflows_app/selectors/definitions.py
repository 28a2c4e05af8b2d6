"""Reading workflows, their drafts and their versions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery

from workflows_app.core.definition import (
    Change,
    CheckContext,
    WorkflowFacts,
    definition_diff,
)
from workflows_app.definition_hooks import check_facts
from workflows_app.errors import NotFound
from workflows_app.models import Group, Member, Workflow, WorkflowVersion, Workspace
from workflows_app.selectors.people import Actor, workspace_ids_of

JSON = Any


def workflow_list(*, actor: Actor, with_archived: bool = False) -> QuerySet[Workflow]:
    """Give the workflows `actor` may see, newest first, each with `newest_number` (or None)."""
    newest = (
        WorkflowVersion.objects.filter(workflow=OuterRef("pk"), number__isnull=False)
        .order_by("-number")
        .values("number")[:1]
    )
    found = Workflow.objects.filter(workspace_id__in=workspace_ids_of(actor))
    if not with_archived:
        found = found.filter(archived_at__isnull=True)
    found = found.select_related("workspace").annotate(newest_number=Subquery(newest))
    return found.order_by("-created_at", "-pk")


def workflow_get(
    *, slug: str, actor: Actor, workspace: Workspace | None = None, lock: bool = False
) -> Workflow:
    """Give a workflow by its slug; of several workspaces' the default one's first.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    found = workflow_list(actor=actor, with_archived=True).filter(slug=slug)
    if workspace is not None:
        found = found.filter(workspace=workspace)
    if lock:
        found = found.select_for_update(of=("self",))
    workflow = found.order_by("-workspace__is_default", "pk").first()
    if workflow is None:
        raise NotFound(f"There is no workflow {slug}.")
    return workflow


def version_list(*, workflow: Workflow) -> QuerySet[WorkflowVersion]:
    """Give the published versions of a workflow, newest first."""
    found = WorkflowVersion.objects.filter(workflow=workflow, number__isnull=False)
    return found.select_related("published_by").prefetch_related("triggers").order_by("-number")


def version_get(*, workflow: Workflow, number: int) -> WorkflowVersion:
    """Give one published version.

    Raises:
        NotFound: there is none of that number.
    """
    version = version_list(workflow=workflow).filter(number=number).first()
    if version is None:
        raise NotFound(f"{workflow.slug} has no version {number}.")
    return version


def version_newest(*, workflow: Workflow) -> WorkflowVersion | None:
    """Give the newest published version, or None before the first; its triggers are not loaded."""
    return version_list(workflow=workflow).prefetch_related(None).first()


def version_diff(*, workflow: Workflow, old: int | str, new: int | str) -> list[Change]:
    """Give what changed between two versions; each is a number, or `draft`.

    Raises:
        NotFound: there is no such version.
    """
    return definition_diff(_document(workflow, old), _document(workflow, new))


def _document(workflow: Workflow, name: int | str) -> Mapping[str, JSON]:
    if name == "draft":
        return workflow.draft
    return version_get(workflow=workflow, number=int(name)).definition


def check_context(*, workspace: Workspace, workflow: Workflow | None = None) -> CheckContext:
    """Give everything that a check of a definition has to know of its workspace."""
    members = Member.objects.filter(workspace=workspace, is_active=True, user__is_active=True)
    editors = None
    if workflow is not None:
        editors = frozenset(workflow.draft_editors.values_list("username", flat=True))
    return CheckContext(
        users=frozenset(members.values_list("user__username", flat=True)),
        groups=_groups(workspace),
        workflows=_workflows(workspace),
        slug=workflow.slug if workflow is not None else None,
        editors=editors,
        **check_facts(workspace),
    )


def _groups(workspace: Workspace) -> dict[str, frozenset[str]]:
    rows = Group.objects.filter(workspace=workspace).values_list(
        "name", "members__user__username", "members__is_active", "members__user__is_active"
    )
    found: dict[str, set[str]] = {}
    for name, username, is_member, is_person in rows:
        people = found.setdefault(name, set())
        if username is not None and is_member and is_person:
            people.add(username)
    return {name: frozenset(people) for name, people in found.items()}


def _workflows(workspace: Workspace) -> dict[str, WorkflowFacts]:
    newest = (
        WorkflowVersion.objects.filter(workflow=OuterRef("workflow"), number__isnull=False)
        .order_by("-number")
        .values("pk")[:1]
    )
    versions = list(
        WorkflowVersion.objects.filter(
            Q(pk=Subquery(newest)), workflow__workspace=workspace
        ).values_list("pk", "workflow__slug", "number")
    )
    inputs = _inputs_of([pk for pk, _, _ in versions])
    return {slug: WorkflowFacts(input=inputs[pk], version=number) for pk, slug, number in versions}


def _inputs_of(versions: Sequence[UUID]) -> dict[UUID, JSON]:
    """Give the schema of what each version takes; one that was read once is not read again."""
    found = {pk: known for pk in versions if (known := _inputs.get(pk)) is not None}
    missing = [pk for pk in versions if pk not in found]
    if missing:
        rows = WorkflowVersion.objects.filter(pk__in=missing).values_list("pk", "definition")
        read = {pk: definition.get("input") or {} for pk, definition in rows}
        if len(_inputs) > INPUTS_KEPT:
            _inputs.clear()
        _inputs.update(read)
        found |= read
    return found


# Of versions by their id: a version never changes.
_inputs: dict[UUID, JSON] = {}
INPUTS_KEPT = 5_000
