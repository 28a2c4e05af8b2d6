"""Bulk operations, as one who asks may see them: progress, results, what they would do."""

from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet

from workflows_app.errors import NotFound
from workflows_app.models import BulkItem, BulkOperation, Run, SavedView, User
from workflows_app.selectors.people import Actor, workspace_ids_of
from workflows_app.selectors.runs import run_actions

COUNTED = ("pending", "working", "done", "failed", "left")


def bulk_list(*, actor: Actor) -> QuerySet[BulkOperation]:
    """Give the operations that were started, newest first."""
    found = BulkOperation.objects.filter(workspace_id__in=workspace_ids_of(actor))
    return found.exclude(state="proposed").order_by("-number")


def bulk_get(
    *, actor: Actor, bulk_id: UUID | None = None, number: int | None = None
) -> BulkOperation:
    """Give one operation by its id or number.

    Raises:
        NotFound: there is none that `actor` may see.
    """
    wanted = {"pk": bulk_id} if bulk_id is not None else {"number": number}
    found = BulkOperation.objects.filter(workspace_id__in=workspace_ids_of(actor), **wanted)
    operation = found.select_related("workspace").first()
    if operation is None:
        raise NotFound("There is no such bulk operation.")
    return operation


def bulk_counts(*, operation: BulkOperation) -> dict[str, int]:
    """Give how many items are in each state."""
    rows = operation.items.values_list("state").annotate(count=Count("pk"))
    return {**dict.fromkeys(COUNTED, 0), **dict(rows)}


def bulk_items(*, operation: BulkOperation, state: str | None = None) -> QuerySet[BulkItem]:
    """Give the items in the order in which they are carried out."""
    items = operation.items.order_by("pk")
    return items.filter(state=state) if state else items


def bulk_item_shape(item: BulkItem) -> dict[str, Any]:
    """Give one result; `problem` is why the run was left as it is."""
    return {
        "run": item.run_id,
        "number": item.number,
        "status": "pending" if item.state == "working" else item.state,
        "problem": item.problem,
        "new_run": item.result_run,
    }


def bulk_shape(operation: BulkOperation) -> dict[str, Any]:
    """Give an operation as the API shows it, without its results."""
    counts = bulk_counts(operation=operation)
    return {
        "id": operation.pk,
        "number": operation.number,
        "action": operation.action,
        "state": operation.state,
        "reason": operation.reason,
        "actor": operation.actor,
        "total": operation.total,
        "done": counts["done"],
        "failed": counts["failed"],
        "left": counts["left"],
        "created_at": operation.created_at,
        "ended_at": operation.ended_at,
    }


def bulk_effect(*, operation: BulkOperation) -> dict[str, Any]:
    """Give how many of its runs take the action as they are now, and the states of the others."""
    runs = Run.objects.filter(pk__in=operation.items.values("run_id"))
    rows = runs.values_list("state").annotate(count=Count("pk")).order_by("-count")
    incidents = runs.filter(
        finished_at=None,
        step_runs__is_current=True,
        step_runs__state="waiting",
        step_runs__reason="incident",
    )
    found = dict(rows)
    with_incident: dict[str, int] = dict(
        incidents.values_list("state").annotate(count=Count("pk", distinct=True))
    )
    fits, others = 0, []
    for state, count in found.items():
        takes = count
        if operation.action not in run_actions(state, has_incident=False, has_undo=False):
            takes = 0
            if operation.action in run_actions(state, has_incident=True, has_undo=False):
                takes = with_incident.get(state, 0)
        fits += takes
        if count > takes:
            others.append((state, count - takes))
    unknown = operation.total - sum(found.values())
    return {"fits": fits, "others": others, "unknown": unknown}


def view_list(*, user: User, actor: Actor) -> QuerySet[SavedView]:
    """Give a person's own saved views and those that others share, by name."""
    views = SavedView.objects.filter(workspace_id__in=workspace_ids_of(actor))
    own = views.filter(owner=user) | views.filter(is_shared=True)
    return own.select_related("owner").order_by("name", "pk")
