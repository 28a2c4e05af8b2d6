"""Who works on a draft."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models.functions import Now

from workflows_app.models import DraftEdit, User, Workflow

LATELY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Editor:
    """Somebody who saved an edit lately, with the newest one."""

    user: User
    at: datetime
    label: str


def editors_lately(*, workflow: Workflow, besides: User) -> list[Editor]:
    """Give the other people who edited the draft in the last ten minutes, the newest first."""
    edits = (
        DraftEdit.objects.filter(workflow=workflow, at__gt=Now() - LATELY)
        .exclude(user=besides)
        .select_related("user")
        .order_by("-pk")[:100]
    )
    found: dict[int, Editor] = {}
    for edit in edits:
        found.setdefault(edit.user_id, Editor(edit.user, edit.at, edit.label))
    return list(found.values())
