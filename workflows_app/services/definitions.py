"""Creating workflows, saving their drafts, publishing their versions."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from workflows_app import notify
from workflows_app.core.definition import definition_digest
from workflows_app.core.strict_json import JsonRefused, strict_check
from workflows_app.definition_hooks import publishing_check, version_published
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import User, Workflow, WorkflowVersion, Workspace
from workflows_app.selectors.definitions import version_newest
from workflows_app.services.draft_edits import edit_record
from workflows_app.services.members import app_event
from workflows_app.services.versions import definition_validate, pins_find, version_write

JSON = Any
_SLUG_LENGTH = 100
_TRIES = 5  # of a derived slug that another request took first


def draft_shape(workflow: Workflow) -> dict[str, JSON]:
    """Give `{definition, revision, problems}` of a workflow's draft."""
    checked = definition_validate(definition=workflow.draft, workflow=workflow)
    return {
        "definition": workflow.draft,
        "revision": workflow.revision,
        "problems": [problem.as_json() for problem in checked.problems],
    }


def workflow_create(
    *,
    name: str,
    definition: dict[str, JSON],
    actor: User,
    workspace: Workspace,
    slug: str | None = None,
) -> Workflow:
    """Create a workflow whose draft is `definition`; without a slug one is made of the name.

    Raises:
        Conflict: `slug_taken`: the slug that was asked for is in use.
        Invalid: the draft is not JSON that the product takes.
    """
    _draft_refuse(definition)
    if slug is not None:
        return _create(name, slug, definition, actor, workspace)
    for _ in range(_TRIES):
        try:
            return _create(name, _slug_free(name, workspace), definition, actor, workspace)
        except Conflict:
            continue
    raise Conflict(f"No free address was found for {name}.", code="slug_taken")


def _create(
    name: str, slug: str, definition: dict[str, JSON], actor: User, workspace: Workspace
) -> Workflow:
    try:
        with transaction.atomic():
            workflow = Workflow.objects.create(
                workspace=workspace, slug=slug, name=name, draft=definition, created_by=actor
            )
            workflow.draft_editors.add(actor)
            draft_record(workflow, "workflow.created", actor, {"name": name})
    except IntegrityError:
        raise Conflict(f"There is already a workflow {slug}.", code="slug_taken") from None
    workflow.refresh_from_db(fields=["created_at", "updated_at"])
    return workflow


def _slug_free(name: str, workspace: Workspace) -> str:
    base = slugify(name)[: _SLUG_LENGTH - 6].strip("-_") or "workflow"
    taken = set(
        Workflow.objects.filter(workspace=workspace, slug__startswith=base).values_list(
            "slug", flat=True
        )
    )
    number = 2
    slug = base
    while slug in taken:
        slug, number = f"{base}-{number}", number + 1
    return slug


@transaction.atomic
def draft_save(
    *,
    workflow: Workflow,
    definition: dict[str, JSON],
    revision: int,
    actor: User,
    label: str = "",
    is_edit: bool = True,
) -> Workflow:
    """Replace the draft that the caller saw.

    Args:
        revision: of the draft that the change is based on.
        label: what was done, in words, for the record.
        is_edit: it can be taken back; not so the taking back itself.

    Raises:
        Conflict: `draft_changed`: somebody saved since; `draft` holds the newer one.
        Invalid: the draft is not JSON that the product takes.
    """
    _draft_refuse(definition)
    held = draft_lock(workflow)
    if held.revision != revision:
        raise _changed(held, "somebody saved since")
    before, after = held.draft.get("name"), definition.get("name")
    if isinstance(after, str) and after and after != before:
        held.name = after[:200]
    if is_edit:
        edit_record(workflow=held, after=definition, actor=actor, label=label)
    held.draft = definition
    held.revision += 1
    held.updated_at = Now()
    held.save(update_fields=["name", "draft", "revision", "updated_at"])
    held.draft_editors.add(actor)
    data = {"revision": held.revision, "digest": definition_digest(definition)}
    if label:
        data["label"] = label
    draft_record(held, "workflow.draft_saved", actor, data)
    held.refresh_from_db(fields=["updated_at"])
    notify.draft_changed(held.pk)
    return held


@transaction.atomic
def draft_restore(
    *, workflow: Workflow, version: WorkflowVersion, revision: int, actor: User
) -> Workflow:
    """Make a version the draft again.

    Raises:
        Conflict: `draft_changed`: the draft is not the one that the caller saw.
    """
    return draft_save(
        workflow=workflow,
        definition=version.definition,
        revision=revision,
        actor=actor,
        label=f"restored from version {version.number}",
    )


@transaction.atomic
def workflow_publish(
    *, workflow: Workflow, revision: int, actor: User, note: str = ""
) -> tuple[WorkflowVersion, bool]:
    """Publish the draft as the next version; an unchanged draft gives the newest one.

    Returns:
        The version, and whether it is new.

    Raises:
        Conflict: `draft_changed`: the draft is not the one that the caller saw.
        Invalid: the draft has problems; `problems` lists them.
    """
    held = draft_lock(workflow)
    if held.revision != revision:
        raise _changed(held, "the draft is no longer the one that was looked at")
    newest = version_newest(workflow=held)
    if newest is not None and newest.digest == definition_digest(held.draft):
        return newest, False
    publishing_check(held, newest, actor)
    version = version_write(held, note=note, actor=actor, is_numbered=True)
    version.editors.set(held.draft_editors.all())
    held.draft_editors.clear()
    draft_record(
        held,
        "workflow.published",
        actor,
        {"version": version.number, "digest": version.digest, "note": note},
    )
    version_published(version, actor)
    return version, True


@transaction.atomic
def draft_version(
    *,
    workflow: Workflow,
    actor: User | None = None,
    definition: dict[str, JSON] | None = None,
) -> WorkflowVersion:
    """Give a copy of the draft that a rehearsal can run; the same draft gives the same copy.

    Args:
        definition: what a test run makes of the draft, where it is not the draft as it stands.

    Raises:
        Invalid: the draft has problems; `problems` lists them.
    """
    held = draft_lock(workflow)
    document = held.draft if definition is None else definition
    digest = definition_digest(document)
    for known in held.versions.filter(number__isnull=True, digest=digest).order_by("-pk"):
        if known.pins == pins_find(held, known.expanded):
            return known
    return version_write(held, note="", actor=actor, is_numbered=False, definition=document)


def draft_lock(workflow: Workflow) -> Workflow:
    """Hold the workflow's row: whoever else changes its draft waits."""
    rows = Workflow.objects.select_for_update(of=("self",)).select_related("workspace")
    return rows.get(pk=workflow.pk)


def _changed(held: Workflow, why: str) -> Conflict:
    message = f"{held.slug} has the draft {held.revision} by now: {why}."
    return Conflict(message, code="draft_changed", draft=draft_shape(held))


def _draft_refuse(definition: JSON) -> None:
    """A draft may be wrong in every way but these: it is an object, and clean JSON."""
    try:
        if not isinstance(definition, dict):
            raise JsonRefused("not_an_object", "a definition is a JSON object")
        strict_check(definition)
    except JsonRefused as refused:
        problem = {
            "severity": "error",
            "code": refused.code,
            "step": None,
            "pointer": refused.pointer,
            "message": refused.message,
        }
        raise Invalid(refused.message, code="definition_invalid", problems=[problem]) from None


def draft_record(workflow: Workflow, what: str, actor: User, data: JSON) -> None:
    """Record a change of a workflow in its workspace."""
    subject = f"workflow:{workflow.slug}"
    app_event(workflow.workspace, what, subject, f"user:{actor.username}", data=data)


__all__ = [
    "definition_validate",
    "draft_lock",
    "draft_record",
    "draft_restore",
    "draft_save",
    "draft_shape",
    "draft_version",
    "workflow_create",
    "workflow_publish",
]
