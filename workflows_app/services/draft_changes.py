"""Small changes of a draft, merged with what others saved meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from workflows_app.core.definition.changes import (
    ChangeRefused,
    DraftChange,
    change_read,
    changes_apply,
    same,
)
from workflows_app.errors import Conflict, Invalid
from workflows_app.models import User, Workflow
from workflows_app.services.definitions import draft_lock, draft_save

JSON = Any
CHANGES_LIMIT = 2_000
LABEL_LENGTH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftChanged:
    """A draft after its changes; `is_merged` when somebody else had saved since."""

    workflow: Workflow
    is_merged: bool


def changes_read(documents: JSON) -> list[DraftChange]:
    """Give the changes that a JSON list tells.

    Raises:
        Invalid: `bad_changes`: one of them is malformed, or there are too many.
    """
    if not isinstance(documents, list) or not 0 < len(documents) <= CHANGES_LIMIT:
        message = f"changes is a list of 1 to {CHANGES_LIMIT} changes"
        raise Invalid(message, code="bad_changes")
    changes = []
    for index, document in enumerate(documents):
        try:
            changes.append(change_read(document))
        except ChangeRefused as refused:
            raise _refusal(refused, index) from None
    return changes


@transaction.atomic
def draft_change(
    *,
    workflow: Workflow,
    changes: Sequence[DraftChange],
    revision: int,
    actor: User,
    label: str = "",
) -> DraftChanged:
    """Apply changes to the draft, whoever saved since `revision`: other places merge.

    Args:
        revision: of the draft that the changes are based on.
        label: what was done, in words, for the record.

    Raises:
        Conflict: `conflict`: the same places were changed; `conflicts` lists them, with the
            newer `definition` and its `revision`. Nothing is applied.
        Invalid: a change is malformed, or what it makes is not JSON that the product takes.
    """
    held = draft_lock(workflow)
    if revision > held.revision:
        message = f"The draft is at revision {held.revision}; there is no revision {revision}."
        raise Invalid(message, code="bad_revision")
    try:
        definition, conflicts = changes_apply(held.draft, changes)
    except ChangeRefused as refused:
        raise _refusal(refused) from None
    if conflicts:
        raise Conflict(
            "Somebody else changed the same places meanwhile. Nothing was changed.",
            revision=held.revision,
            definition=held.draft,
            conflicts=[conflict.as_json() for conflict in conflicts],
        )
    is_merged = held.revision != revision
    if not same(definition, held.draft):
        held = draft_save(
            workflow=held,
            definition=definition,
            revision=held.revision,
            actor=actor,
            label=label[:LABEL_LENGTH],
        )
    return DraftChanged(workflow=held, is_merged=is_merged)


def _refusal(refused: ChangeRefused, index: int | None = None) -> Invalid:
    message = str(refused)
    problem = {"pointer": f"/changes/{index}", "code": "bad_changes", "message": message}
    problems = [] if index is None else [problem]
    return Invalid(message[:1].upper() + message[1:] + ".", code="bad_changes", problems=problems)
