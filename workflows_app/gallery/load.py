"""Bring the gallery into a workspace: its groups, and its workflows as published versions."""

import logging
from collections.abc import Collection

from django.db import transaction

from workflows_app.core.definition import definition_digest
from workflows_app.errors import Invalid
from workflows_app.gallery.catalog import Sample, groups_named, in_order_of_need
from workflows_app.models import Group, Member, User, Workflow, Workspace
from workflows_app.services.definitions import draft_save, workflow_create, workflow_publish
from workflows_app.services.people import app_event, workspace_default

AUTHOR = "gallery"  # nobody can sign in as it, so its gates have no one to exempt
NOTE = "Sample of this release"
log = logging.getLogger(__name__)


def gallery_load(
    *, workspace: Workspace | None = None, slugs: Collection[str] | None = None
) -> int:
    """Create or update the gallery's workflows and publish them; gives how many changed.

    `slugs` names those to bring, where it is not all of them.

    A workflow that a person has edited since is theirs and stays as it is. One that cannot be
    published yet (nobody is there to answer its gates) stays a draft that lists why.
    """
    space = workspace or workspace_default()
    _groups_fill(space)
    author = _author()
    wanted = [s for s in in_order_of_need() if slugs is None or s.slug in slugs]
    return sum(_sample_load(space, author, sample) for sample in wanted)


@transaction.atomic
def _groups_fill(workspace: Workspace) -> None:
    """Make the groups that gates ask; one without members gets those who review."""
    active = Member.objects.filter(workspace=workspace, is_active=True)
    reviewing = active.filter(roles__contains=["reviewer"])
    people = list(reviewing if reviewing.exists() else active)
    for name in groups_named():
        group, _ = Group.objects.get_or_create(workspace=workspace, name=name)
        if people and not group.members.exists():
            group.members.set(people)
            names = sorted(member.user.username for member in people)
            app_event(
                workspace, "group.filled", f"group:{name}", "operator", data={"members": names}
            )


def _author() -> User:
    found, is_new = User.objects.get_or_create(username=AUTHOR, defaults={"is_active": False})
    if is_new:
        found.set_unusable_password()
        found.save(update_fields=["password"])
    return found


def _sample_load(workspace: Workspace, author: User, sample: Sample) -> bool:
    workflow = Workflow.objects.filter(workspace=workspace, slug=sample.slug).first()
    if workflow is None:
        workflow = workflow_create(
            name=sample.title,
            slug=sample.slug,
            definition=sample.definition,
            actor=author,
            workspace=workspace,
        )
        Workflow.objects.filter(pk=workflow.pk).update(is_gallery=True)
    elif not workflow.is_gallery or _is_edited(workflow, author):
        return False
    elif definition_digest(workflow.draft) != definition_digest(sample.definition):
        workflow = draft_save(
            workflow=workflow,
            definition=sample.definition,
            revision=workflow.revision,
            actor=author,
        )
    return _publish(workflow, author)


def _is_edited(workflow: Workflow, author: User) -> bool:
    has_editor = workflow.draft_editors.exclude(pk=author.pk).exists()
    published = workflow.versions.exclude(published_by=author).filter(number__isnull=False)
    return has_editor or published.exists()


def _publish(workflow: Workflow, author: User) -> bool:
    try:
        _, is_new = workflow_publish(
            workflow=workflow, revision=workflow.revision, note=NOTE, actor=author
        )
    except Invalid as error:
        problems = error.extra["problems"]
        log.warning("The sample %s is not published: %s", workflow.slug, problems)
        return False
    return is_new
