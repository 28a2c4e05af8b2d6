"""Starting runs: the run, its root scope and its first ready steps, in one commit."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from workflows_app import notify
from workflows_app.core.engine.draft import HistoryEvent
from workflows_app.core.states import StepState
from workflows_app.errors import Conflict, Invalid
from workflows_app.identifiers import uuid7
from workflows_app.models import IdempotencyKey, Run, StepRun, User, Workflow, WorkflowVersion
from workflows_app.models.fields import json_dump
from workflows_app.services import rows
from workflows_app.services.context import VersionContext, version_context, version_timeout
from workflows_app.services.first_steps import inbox_rows, root_draft, root_row, timer_rows
from workflows_app.services.inputs import input_check
from workflows_app.services.storage import Write
from workflows_app.services.transaction import RESEND_AFTER

JSON = Any

_INSERT_RUNS = """
INSERT INTO workflows_app_run (id, workspace_id, workflow_id, version_id, mode, state, input,
  degraded, sequence, active, step_count, has_superseded, uses_stand_in, input_tokens,
  output_tokens, cost_usd, started_by_id, started_via, parent_id, parent_step_run, parent_path,
  depth, continued_from_id, continued_path, deadline_at)
SELECT d.id, d.workspace_id, d.workflow_id, d.version_id, d.mode, 'queued', d.input, '[]',
  d.sequence, d.active, d.active, false, d.uses_stand_in, 0, 0, 0, d.started_by, d.started_via,
  d.parent_id, d.parent_step_run, d.parent_path, d.depth, d.continued_from, d.continued_path,
  %(now)s::timestamptz + make_interval(secs => d.timeout)
FROM json_to_recordset(%(rows)s::json) AS d(
  id uuid, workspace_id uuid, workflow_id uuid, version_id uuid, mode text, input text,
  sequence int, active int, uses_stand_in bool, started_by bigint, started_via text,
  parent_id uuid, parent_step_run uuid, parent_path text, depth int, continued_from uuid,
  continued_path text, timeout float8)
RETURNING id, number, created_at
"""


def run_start(
    *,
    workflow: Workflow,
    version: WorkflowVersion,
    input: JSON,
    mode: str = "live",
    user: User | None,
    actor: str,
    via: str,
    idempotency_key: str | None = None,
    body_digest: str | None = None,
) -> tuple[Run, bool]:
    """Start a run; the same key and body give the run that they gave before, and False.

    Raises:
        Invalid: the input breaks the version's schema.
        Conflict: the key was used for another body (`key_reused`), or a live run needs a model
            and none is configured (`no_model`).
    """
    start_check(version=version, mode=mode)
    input_check(version, input)
    with transaction.atomic():
        key = None
        if idempotency_key is not None:
            key, earlier = _key_take(workflow, idempotency_key, body_digest or "")
            if earlier is not None:
                return earlier, False
        run = runs_insert(
            version=version_context(version.pk),
            inputs=[input],
            mode=mode,
            user_id=user.pk if user else None,
            actor=actor,
            via=via,
            commits=key is None,
        )[0]
        if key is not None:
            IdempotencyKey.objects.filter(pk=key.pk).update(run_id=run.pk)
        transaction.on_commit(lambda: notify.runs_ready([run.pk]))
    return run, True


def runs_start(
    *,
    workflow: Workflow,
    version: WorkflowVersion,
    inputs: Sequence[JSON],
    mode: str = "live",
    user: User | None,
    actor: str,
    via: str,
) -> list[Run]:
    """Start a run for each input, in one transaction: all of them, or none.

    Raises:
        Invalid: an input breaks the schema; `problems` names its position.
    """
    start_check(version=version, mode=mode)
    for position, one in enumerate(inputs):
        try:
            input_check(version, one)
        except Invalid as error:
            raise Invalid(
                f"row {position + 1}: {error.message}", problems=error.extra["problems"]
            ) from None
    with transaction.atomic():
        runs: list[Run] = []
        for first in range(0, len(inputs), 500):
            runs += runs_insert(
                version=version_context(version.pk),
                inputs=inputs[first : first + 500],
                mode=mode,
                user_id=user.pk if user else None,
                actor=actor,
                via=via,
            )
        transaction.on_commit(lambda: notify.runs_ready([run.pk for run in runs]))
    return runs


def start_check(*, version: WorkflowVersion, mode: str) -> None:
    """Refuse a live run that needs a model where there is none, and a live draft.

    Raises:
        Conflict: `no_model`, or `not_published`.
    """
    if mode == "live" and version.number is None:
        raise Conflict("a draft only rehearses: publish it first", code="not_published")
    has_model = bool(settings.ANTHROPIC_API_KEY) or settings.STAND_IN
    if mode == "live" and not has_model and _needs_model(version.pk):
        raise Conflict(
            "this workflow asks a model, and no key is configured: set ANTHROPIC_API_KEY, start a"
            " rehearsal, or set STAND_IN=1 to let the stand-in model answer",
            code="no_model",
        )


def _needs_model(version_id: UUID) -> bool:
    context = version_context(version_id)
    return any(
        getattr(node.kind, "needs_model", False)
        for graph in context.graphs.values()
        for node in graph.nodes.values()
    )


def _key_take(workflow: Workflow, key: str, digest: str) -> tuple[IdempotencyKey, Run | None]:
    """Take the key, or give the run that it already started."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM workflows_app_idempotencykey"
            " WHERE workflow_id = %s AND key = %s AND created_at < now() - interval '30 days'",
            [workflow.pk, key],
        )
        cursor.execute(
            "INSERT INTO workflows_app_idempotencykey (workflow_id, key, digest, created_at)"
            " VALUES (%s, %s, %s, now()) ON CONFLICT (workflow_id, key) DO NOTHING",
            [workflow.pk, key, digest],
        )
        is_first = cursor.rowcount == 1
    found = IdempotencyKey.objects.select_related("run").get(workflow=workflow, key=key)
    if is_first:
        return found, None
    if found.digest != digest:
        raise Conflict(
            "this Idempotency-Key started a run with another body; use a new key",
            code="key_reused",
        )
    return found, found.run


def runs_insert(
    *,
    version: VersionContext,
    inputs: Sequence[JSON],
    mode: str,
    user_id: int | None,
    actor: str,
    via: str,
    parent: tuple[UUID, UUID, str] | None = None,
    depth: int = 0,
    continued_from: UUID | None = None,
    continued_path: str | None = None,
    kept: Mapping[str, StepRun] | None = None,
    why: str = "",
    commits: bool = False,
) -> list[Run]:
    """Write runs with their first ready steps, inside the caller's transaction.

    `parent` is (run, step run, path) for the run of a `workflow` step; `kept` are results of
    another run that this one takes over, by step; with a `continued_path` (where that run is to
    go on, or "") bodies take theirs over as they open. With `commits` nothing else follows in
    the transaction, and its end is sent along.
    """
    connection.ensure_connection()
    now = rows.database_now()
    run_rows, scope_rows, step_rows, event_rows, runs = [], [], [], [], []
    timers, inbox = [], []
    timeout = version_timeout(version)
    uses_stand_in = mode == "rehearsal" or not settings.ANTHROPIC_API_KEY
    for value in inputs:
        run_id, scope_id = uuid7(), uuid7()
        draft = root_draft(version, run_id, scope_id, now, kept or {})
        queued = HistoryEvent(type="run.queued", to_state="queued", actor=actor, why=why)
        history = [queued, *draft.history]
        event_rows += [
            rows.event_row(run_id, sequence, event)
            for sequence, event in enumerate(history, start=1)
        ]
        ready = [one for one in draft.steps.values() if one.state is StepState.READY]
        timers += timer_rows(draft)
        inbox += inbox_rows(draft)
        step_rows += [
            rows.step_insert_row(
                status, run_id=run_id, scope_id=scope_id, kind=draft.node(status).kind.name
            )
            for status in draft.steps.values()
        ]
        scope_rows.append(root_row(run_id, scope_id))
        run_rows.append(
            {
                "id": str(run_id),
                "workspace_id": str(version.workspace_id),
                "workflow_id": str(version.workflow_id),
                "version_id": str(version.id),
                "mode": mode,
                "input": json_dump(value),
                "sequence": len(history),
                "active": len(ready) + draft.has_ended,
                "uses_stand_in": uses_stand_in,
                "started_by": user_id,
                "started_via": via,
                "parent_id": str(parent[0]) if parent else None,
                "parent_step_run": str(parent[1]) if parent else None,
                "parent_path": parent[2] if parent else "",
                "depth": depth,
                "continued_from": str(continued_from) if continued_from else None,
                "continued_path": continued_path,
                "timeout": timeout.total_seconds(),
            }
        )
        runs.append(
            Run(
                id=run_id,
                workspace_id=version.workspace_id,
                workflow_id=version.workflow_id,
                version_id=version.id,
                mode=mode,
                input=value,
                sequence=len(history),
                active=len(ready) + draft.has_ended,
                uses_stand_in=uses_stand_in,
                started_by_id=user_id,
                started_via=via,
                depth=depth,
                deadline_at=now + timeout,
            )
        )
    with connection.connection.pipeline():
        cursor = rows.cursor_open()
        cursor.execute(_INSERT_RUNS, {"rows": json.dumps(run_rows), "now": now}, prepare=True)
        Write(
            now=now,
            send_at=now + RESEND_AFTER,
            scopes=scope_rows,
            steps=step_rows,
            events=event_rows,
            timers=timers,
            facts=inbox,
        ).send()
        if commits:
            rows.commit_send()
        numbers = {row[0]: row[1:] for row in cursor.fetchall()}
    for run in runs:
        run.number, run.created_at = numbers[run.pk]
        run._state.adding = False
        run._state.db = "default"
    return runs
