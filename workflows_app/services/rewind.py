"""Running from a step anew: its scope and every scope around it, in one transaction.

It locks the step's scope and then every scope around it, from the inside out, and lets what
follows the step, and then what follows each container, be settled again.
"""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.functions import Now

from workflows_app import notify
from workflows_app.core.effects import DropUndo
from workflows_app.core.engine import flow
from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.engine.supersede import (
    continue_container,
    reopen,
    restart_from,
    supersede_after,
    supersede_one,
)
from workflows_app.core.states import RUN_TERMINAL, RunState, StepState, Trigger, WaitReason
from workflows_app.errors import NotFound
from workflows_app.models import Run, Scope, StepRun
from workflows_app.services import rows
from workflows_app.services.apply import scopes_settle
from workflows_app.services.batch import Opened, ScopeFact
from workflows_app.services.carry_out import Carrier
from workflows_app.services.context import version_context, version_timeout
from workflows_app.services.transaction import Transaction

JSON = Any


class _Rerun(Transaction):
    """A transaction over one step's scope and all scopes around it."""

    def __init__(self, run_id: UUID) -> None:
        fact = ScopeFact(scope_id=run_id, run_id=run_id, fact=None)
        super().__init__([fact], None, 0, skip_locked=False, is_careful=True)
        self.run_id = run_id

    def lock(self, scope_ids: list[UUID]) -> list[Opened]:
        """Lock scopes one by one in the order given: from the inside out."""
        connection.ensure_connection()
        for scope_id in scope_ids:
            self.scopes_open({scope_id: self.run_id}, skip_locked=False)
        return list(self.opened.values())

    def finish(self) -> None:
        """Carry out and write, like any transaction of the engine."""
        for opened in self.opened.values():
            flow.end_if_still(opened.draft)
        carrier = Carrier(self)
        carrier.carry_out()
        self._write(carrier)


def rewind(
    run: Run,
    step_run: StepRun,
    *,
    actor: str,
    reason: str,
    input: JSON,
    output: JSON,
    skips: bool = False,
) -> Run:
    why = reason or ("skipped by a person" if skips else "retried by a person")
    scope = Scope.objects.get(pk=step_run.scope_id)
    with connection.wrap_database_errors, transaction.atomic():
        work = _Rerun(run.pk)
        chain = [scope.pk, *reversed(scope.ancestors or [])]
        opened = work.lock(chain)
        inner, *outer = opened
        _rewind_inner(inner, step_run, actor, why, input, output, skips)
        _continue_outward(inner, outer, actor, why)
        if RunState(run.state) in RUN_TERMINAL:
            work.change(run.pk).reopen = {"actor": actor, "why": why}
        work.finish()
        if RunState(run.state) in RUN_TERMINAL:
            _time_renew(run)
    notify.runs_changed([run.pk])
    notify.runs_ready({run.pk} | scopes_settle(work.applied.touched))
    return Run.objects.get(pk=run.pk)


def _time_renew(run: Run) -> None:
    """Give a run that goes on the whole of its time limit again."""
    limit = version_timeout(version_context(run.version_id))
    Run.objects.filter(pk=run.pk).update(deadline_at=Now() + limit)


def _rewind_inner(
    inner: Opened,
    step_run: StepRun,
    actor: str,
    why: str,
    input: JSON,
    output: JSON,
    skips: bool,
) -> None:
    draft = inner.draft
    status = draft.steps[step_run.step]
    if skips:
        reopen(draft)
        supersede_after(draft, status.step, actor=actor, why=why)
        fresh = supersede_one(draft, status, actor=actor, why=why)
        draft.move(fresh, Trigger.SKIP)
        fresh.output, fresh.has_output = output, True
        flow.settle(draft, fresh, "done", source="", actor=actor, why=why)
        _settle_rest(inner, actor, why)
        return
    keeps_key = status.reason == WaitReason.INCIDENT and input is None
    fresh = restart_from(draft, status.step, actor=actor, why=why)
    _carry_input(inner, step_run, fresh, input, keeps_key)


def _settle_rest(inner: Opened, actor: str, why: str) -> None:
    flow.start_ready(inner.draft, inner.draft.graph.order)


def _carry_input(
    inner: Opened, step_run: StepRun, fresh: StepDraft, input: JSON, keeps_key: bool
) -> None:
    """An edited input is used as it is; an unknown outcome is repeated with its bytes and key."""
    if input is not None:
        fresh.input, fresh.has_input = input, True
    elif keeps_key and step_run.input is not None and step_run.effect != "none":
        fresh.input, fresh.has_input = step_run.input, True
        known = (step_run.progress or {}).get("key")
        key = known or f"{step_run.run_id}/{step_run.path}/{step_run.generation}"
        fresh.progress = {"key": key}
        inner.draft.effects.append(DropUndo(step_run=step_run.pk))  # it is the same act


def _continue_outward(inner: Opened, outer: list[Opened], actor: str, why: str) -> None:
    child = inner
    for opened in outer:
        container = child.row.container_id
        if container is None:
            return
        status = opened.draft.by_id[container]
        was_open = status.is_container
        continue_container(opened.draft, container, actor=actor, why=why)
        if not was_open or child.row.state == "ended":
            _count_again(opened, status, child)
        child = opened


def _count_again(opened: Opened, status: StepDraft, child: Opened) -> None:
    """The body that runs again no longer counts as ended in its container."""
    progress = dict(status.progress or {})
    if opened.draft.node(status).kind.primitive == "map":
        closing = child.row.closing or {}
        progress["ended"] = max(progress.get("ended", 0) - 1, 0)
        if closing.get("outcome") == "error":
            progress["failed"] = max(progress.get("failed", 0) - 1, 0)
        elif not closing.get("is_cancelled"):
            progress["processed"] = max(progress.get("processed", 0) - 1, 0)
        progress["working"] = progress.get("working", 0) + 1
        for flag in ("stopping", "timed_out", "first_error"):
            progress.pop(flag, None)
        child.draft.slot = "held"
        child.draft.is_changed = True
        _cut_off_items(status, progress)
    else:
        progress.pop("timed_out", None)
    status.progress = progress
    status.is_changed = True


def _cut_off_items(status: StepDraft, progress: JSON) -> None:
    """Items that were cancelled when the map failed wait for their turn again."""
    cursor = rows.cursor_open()
    cursor.execute(
        "WITH cut AS (SELECT id, closing FROM workflows_app_scope WHERE container_id = %s"
        " AND state = 'ended' AND (closing::json ->> 'is_cancelled') = 'true')"
        " UPDATE workflows_app_scope s SET state = 'pending', closing = NULL, slot = ''"
        " FROM cut WHERE s.id = cut.id RETURNING s.id, cut.closing::json ->> 'never_opened'",
        [status.id],
    )
    found = cursor.fetchall()
    again = [row[0] for row in found]
    counted = [row[0] for row in found if row[1] is None]
    cursor.execute(
        "UPDATE workflows_app_steprun SET is_current = false WHERE scope_id = ANY(%s)", [again]
    )
    if again:
        cursor.execute(
            "UPDATE workflows_app_run SET has_superseded = true WHERE id ="
            " (SELECT run_id FROM workflows_app_steprun WHERE id = %s)",
            [status.id],
        )
    cursor.execute(
        "SELECT count(*) FROM workflows_app_scope WHERE container_id = %s AND state = 'pending'",
        [status.id],
    )
    waiting = cursor.fetchone()[0]  # type: ignore[index]
    progress["ended"] = max(progress["ended"] - len(counted), 0)
    progress["opened"] = progress["total"] - waiting


def rewind_scope(run: Run, path: str, *, actor: str, reason: str) -> Run:
    """Run one item of a map, or one iteration, from its beginning."""
    scope = Scope.objects.filter(run=run, path=path).order_by("-pk").first()
    if scope is None:
        raise NotFound(f"no step or item of this run has the path {path}")
    first = (
        StepRun.objects.filter(scope=scope, is_current=True)
        .exclude(state=StepState.SKIPPED.value)
        .order_by("ready_at", "pk")
        .first()
    )
    if first is None:
        raise NotFound(f"nothing ran at the path {path}")
    return rewind(run, first, actor=actor, reason=reason, input=None, output=None)
