"""Taking one's own edits of a draft back, and making them again."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet

from workflows_app.core.definition.changes import (
    DraftChange,
    change_read,
    changes_apply,
    changes_invert,
)
from workflows_app.errors import Conflict
from workflows_app.models import DraftEdit, User, Workflow
from workflows_app.services.definitions import draft_lock, draft_save


@transaction.atomic
def draft_undo(*, workflow: Workflow, actor: User) -> DraftEdit:
    """Take the newest edit of this person back.

    Raises:
        Conflict: `nothing_to_undo`, or somebody changed the same places since: nothing changes.
    """
    held = draft_lock(workflow)
    edit = _own(held, actor).filter(is_undone=False).order_by("-pk").first()
    if edit is None:
        raise Conflict("There is nothing of yours to take back.", code="nothing_to_undo")
    changes = [change_read(one) for one in edit.changes]
    _save(held, changes_invert(changes), actor, f"Took back: {edit.label}", edit)
    DraftEdit.objects.filter(pk=edit.pk).update(is_undone=True)
    return edit


@transaction.atomic
def draft_redo(*, workflow: Workflow, actor: User) -> DraftEdit:
    """Make the edit again that this person took back last.

    Raises:
        Conflict: `nothing_to_redo`, or somebody changed the same places since: nothing changes.
    """
    held = draft_lock(workflow)
    edit = _own(held, actor).filter(is_undone=True).order_by("pk").first()
    if edit is None:
        raise Conflict("There is nothing to make again.", code="nothing_to_redo")
    changes = [change_read(one) for one in edit.changes]
    _save(held, changes, actor, f"Made again: {edit.label}", edit)
    DraftEdit.objects.filter(pk=edit.pk).update(is_undone=False)
    return edit


def _own(workflow: Workflow, actor: User) -> QuerySet[DraftEdit]:
    return DraftEdit.objects.filter(workflow=workflow, user=actor)


def _save(
    held: Workflow, changes: Sequence[DraftChange], actor: User, label: str, edit: DraftEdit
) -> None:
    definition, conflicts = changes_apply(held.draft, changes)
    if conflicts:
        what = edit.label or "your last edit"
        raise Conflict(
            f"The same places were changed since, so {what} cannot be taken back by itself.",
            conflicts=[one.as_json() for one in conflicts],
        )
    draft_save(
        workflow=held,
        definition=definition,
        revision=held.revision,
        actor=actor,
        label=label[:200],
        is_edit=False,
    )
