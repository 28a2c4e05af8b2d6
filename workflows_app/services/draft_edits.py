"""Keeping each person's newest edits of a draft, so that they can be taken back."""

from collections.abc import Mapping
from typing import Any

from workflows_app.core.definition.changes import changes_between
from workflows_app.models import DraftEdit, User, Workflow

JSON = Any
KEPT = 100  # of each person in each workflow
LABEL_LENGTH = 200


def edit_record(
    *, workflow: Workflow, after: Mapping[str, JSON], actor: User, label: str
) -> DraftEdit | None:
    """Keep what leads from the draft to what it becomes; what was taken back is forgotten."""
    changes = [change.as_json() for change in changes_between(workflow.draft, after)]
    if not changes:
        return None
    own = DraftEdit.objects.filter(workflow=workflow, user=actor)
    own.filter(is_undone=True).delete()
    made = DraftEdit.objects.create(
        workflow=workflow, user=actor, changes=changes, label=label[:LABEL_LENGTH]
    )
    oldest = own.order_by("-pk").values_list("pk", flat=True)[KEPT : KEPT + 1]
    if oldest:
        own.filter(pk__lte=oldest[0]).delete()
    return made
