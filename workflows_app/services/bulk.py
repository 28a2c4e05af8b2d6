"""Asking for one action on many runs: counted first, then begun, ended early where needed.

The runs are fixed when they are counted: what a person confirmed is what is done, however
many runs come to fit the filter meanwhile. `bulk_work.py` carries it out.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from workflows_app.errors import Forbidden, IllegalState, Invalid, NotFound
from workflows_app.models import BulkItem, BulkOperation, Run, Workspace
from workflows_app.models.bulk import BULK_ACTIONS
from workflows_app.selectors.people import Principal
from workflows_app.selectors.run_query import problem_of, query_apply
from workflows_app.services.history import app_event_record

JSON = Any
MOST = 10_000  # runs in one operation
FIELDS: dict[str, frozenset[str]] = {
    "cancel": frozenset({"rollback"}),
    "retry": frozenset({"path", "version"}),
    "skip": frozenset({"path", "output"}),
    "fail": frozenset({"path"}),
}


def bulk_propose(
    *,
    principal: Principal,
    action: str,
    filter: Mapping[str, str] | None = None,
    ids: Sequence[UUID] | None = None,
    reason: str = "",
    fields: Mapping[str, JSON] | None = None,
) -> BulkOperation:
    """Count the runs that are meant and fix them; nothing is done to them yet.

    Runs of one workspace: that of the first one found in which the person may run things.

    Raises:
        Invalid: an unknown action or field, no run meant, or more than `MOST`.
        NotFound: no run fits.
        Forbidden: runs fit, in workspaces in which the person may not steer any.
    """
    _check(action, filter, ids, fields or {})
    visible = Run.objects.filter(workspace_id__in=principal.workspace_ids)
    chosen = visible.filter(pk__in=list(ids or ())) if ids else query_apply(visible, filter or {})
    workspace = _workspace(principal, chosen)
    rows = chosen.filter(workspace=workspace).order_by("-number").values_list("pk", "number")
    found = list(rows[: MOST + 1])
    if len(found) > MOST:
        raise Invalid(
            f"More than {MOST:,} runs fit; narrow the filter, for example by started:<24h.",
            code="too_many_runs",
        )
    known = {pk for pk, _ in found}
    missing = [one for one in dict.fromkeys(ids or ()) if one not in known]
    with transaction.atomic():
        operation = BulkOperation.objects.create(
            workspace=workspace,
            action=action,
            fields=dict(fields or {}),
            chosen={"ids": len(ids)} if ids else {"filter": dict(filter or {})},
            reason=reason,
            actor=principal.actor,
            user=principal.user,
            total=len(found) + len(missing),
        )
        BulkItem.objects.bulk_create(
            [BulkItem(operation=operation, run_id=pk, number=number) for pk, number in found]
            + [_missing(operation, one) for one in missing],
            batch_size=2000,
        )
    operation.refresh_from_db()
    return operation


def _check(
    action: str,
    filter: Mapping[str, str] | None,
    ids: Sequence[UUID] | None,
    fields: Mapping[str, JSON],
) -> None:
    problems = []
    if action not in BULK_ACTIONS:
        problems.append(_problem("/action", "unknown_action", f"one of {', '.join(BULK_ACTIONS)}"))
    if bool(ids) == bool(filter):
        text = "name the runs by `ids` or by a `filter` with at least one field, not by both"
        problems.append(_problem("/filter", "runs_needed", text))
    if len(ids or ()) > MOST:
        problems.append(_problem("/ids", "too_many_runs", f"at most {MOST:,} runs at once"))
    for name, value in (filter or {}).items():
        if wrong := problem_of(name, value):
            problems.append(_problem(f"/filter/{name}", "bad_filter", wrong))
    for name in sorted(set(fields) - FIELDS.get(action, frozenset())):
        problems.append(_problem(f"/{name}", "unknown_field", f"{action} takes no {name}"))
    if problems:
        raise Invalid(str(problems[0]["message"]), problems=problems)


def _workspace(principal: Principal, chosen: QuerySet[Run]) -> Workspace:
    may = [grant.workspace for grant in principal.grants if "run" in grant.scopes]
    inside = chosen.filter(workspace__in=may).order_by("-number").values_list("workspace_id")
    first = inside.first()
    if first is not None:
        return next(space for space in may if space.pk == first[0])
    if chosen.exists() or not may:
        raise Forbidden("This needs the scope run.", code="scope_missing", scope="run")
    raise NotFound("No run fits.", code="no_runs")


def _missing(operation: BulkOperation, run_id: UUID) -> BulkItem:
    problem = {"code": "not_found", "message": "There is no such run."}
    return BulkItem(
        operation=operation, run_id=run_id, state="failed", problem=problem, ended_at=Now()
    )


@transaction.atomic
def bulk_fields_set(*, bulk_id: UUID, actor: str, fields: Mapping[str, JSON]) -> None:
    """Say how a proposed operation is to act: `rollback`, `version`, `output`, `path`.

    Raises:
        IllegalState: it was begun already.
        Forbidden: somebody else proposed it.
        Invalid: a field that the action does not take.
    """
    operation = _proposed(bulk_id, actor)
    unknown = sorted(set(fields) - FIELDS.get(operation.action, frozenset()))
    if unknown:
        raise Invalid(f"{operation.action} takes no {unknown[0]}", code="unknown_field")
    operation.fields = dict(fields)
    operation.save(update_fields=["fields"])


@transaction.atomic
def bulk_start(*, bulk_id: UUID, actor: str, reason: str | None = None) -> BulkOperation:
    """Begin a proposed operation.

    Raises:
        IllegalState: it was begun already.
        Invalid: cancelling without a reason.
        Forbidden: somebody else proposed it.
    """
    operation = _proposed(bulk_id, actor)
    if reason is not None:
        operation.reason = reason
    if operation.action == "cancel" and not operation.reason.strip():
        problem = _problem("/reason", "required", "say why: it is kept in the history of each run")
        raise Invalid("Cancelling runs needs a reason.", problems=[problem])
    operation.state = "running"
    operation.started_at = Now()
    operation.save(update_fields=["state", "reason", "started_at"])
    _record(operation, "runs.bulk_started", actor, {"total": operation.total})
    operation.refresh_from_db()
    return operation


@transaction.atomic
def bulk_stop(*, bulk_id: UUID, actor: str, reason: str = "") -> BulkOperation:
    """Leave the runs that were not reached yet as they are.

    Raises:
        IllegalState: it is over already, or was never begun.
    """
    operation = _locked(bulk_id)
    if operation.state != "running":
        message = f"The operation is {operation.state}."
        raise IllegalState(message, allowed=_allowed(operation))
    operation.items.filter(state="pending").update(state="left", ended_at=Now())
    operation.state, operation.ended_at = "stopped", Now()
    operation.save(update_fields=["state", "ended_at"])
    _record(operation, "runs.bulk_stopped", actor, None, why=reason)
    operation.refresh_from_db()
    return operation


def _locked(bulk_id: UUID) -> BulkOperation:
    found = BulkOperation.objects.select_for_update(of=("self",)).select_related("workspace")
    operation = found.filter(pk=bulk_id).first()
    if operation is None:
        raise NotFound("There is no such bulk operation.")
    return operation


def _proposed(bulk_id: UUID, actor: str) -> BulkOperation:
    operation = _locked(bulk_id)
    if operation.state != "proposed":
        raise IllegalState("The operation was begun already.", allowed=_allowed(operation))
    if operation.actor != actor:
        raise Forbidden("Who proposed the operation begins it.", code="not_yours")
    return operation


def _allowed(operation: BulkOperation) -> list[str]:
    return {"proposed": ["start"], "running": ["stop"]}.get(operation.state, [])


def _record(
    operation: BulkOperation, type: str, actor: str, more: JSON, *, why: str | None = None
) -> None:
    app_event_record(
        workspace=operation.workspace,
        type=type,
        object=f"bulk:{operation.number}",
        actor=actor,
        why=operation.reason if why is None else why,
        data={
            "action": operation.action,
            "chosen": operation.chosen,
            **operation.fields,
            **(more or {}),
        },
    )


def _problem(pointer: str, code: str, message: str) -> dict[str, str]:
    return {"pointer": pointer, "code": code, "message": message}
