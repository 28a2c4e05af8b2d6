"""How drafts stand to what is published, for many workflows at once."""

from collections.abc import Iterable
from typing import Any

from django.db.models import BooleanField, Case, OuterRef, Q, QuerySet, Subquery, Value, When

from workflows_app.core.definition import definition_digest
from workflows_app.models import Workflow, WorkflowVersion

# What a list of workflows may be narrowed to, with its words.
DRAFT_STATES = {"published": "Published", "changed": "Draft changes", "draft": "Draft"}


def with_newest(workflows: QuerySet[Workflow]) -> QuerySet[Any]:
    """Add `newest` (number or None), `newest_digest`, and whether the draft is that very text."""
    versions = WorkflowVersion.objects.filter(
        workflow=OuterRef("pk"), number__isnull=False
    ).order_by("-number")
    is_text = Q(draft=Subquery(versions.values("definition")[:1]))
    return workflows.annotate(
        newest=Subquery(versions.values("number")[:1]),
        newest_digest=Subquery(versions.values("digest")[:1]),
        is_as_published=Case(
            When(is_text, then=Value(True)), default=Value(False), output_field=BooleanField()
        ),
    )


def narrowed(workflows: QuerySet[Any], state: str) -> QuerySet[Any]:
    """Leave only what can be in a state; what the text alone cannot tell stays in."""
    if state == "draft":
        return workflows.filter(newest__isnull=True)
    if state == "published":
        return workflows.filter(newest__isnull=False)
    if state == "changed":
        return workflows.filter(newest__isnull=False, is_as_published=False)
    return workflows


def draft_states_add(workflows: Iterable[Any]) -> None:
    """Set `draft_state` on each row of `with_newest`, one of `DRAFT_STATES`.

    A draft of another text says the same where only boxes were moved: then the digest is the
    version's.
    """
    rows = list(workflows)
    unlike = [row.pk for row in rows if row.newest is not None and not row.is_as_published]
    drafts = dict(Workflow.objects.filter(pk__in=unlike).values_list("pk", "draft"))
    for row in rows:
        row.draft_state = "draft" if row.newest is None else "published"
        if row.pk in drafts and definition_digest(drafts[row.pk]) != row.newest_digest:
            row.draft_state = "changed"
