"""Waiting for events: a subscription is a row, and store and wait share a lock.

Whoever stores an event holds its channels in common, whoever opens a wait holds its channel
alone: so one of the two always sees the other, and an event is neither lost nor taken twice.
The lock is taken after scopes and before any other row.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction

from workflows_app import notify
from workflows_app.core import effects as wish
from workflows_app.core.durations import duration_parse
from workflows_app.core.events import channel_of
from workflows_app.core.facts import EventArrived, fact_dump
from workflows_app.services.batch import Claim, Opened
from workflows_app.services.event_match import Wanted, stored_find, where_refs
from workflows_app.services.inbox import inbox_post
from workflows_app.services.values import (
    draft_results,
    value_of,
)

if TYPE_CHECKING:
    from workflows_app.services.carry_out import Carrier

JSON = Any


_LOCK = """
SELECT {function}(h) FROM (
  SELECT DISTINCT hashtextextended(%s || c, 7243) AS h FROM unnest(%s::text[]) AS c ORDER BY 1) AS d
"""


def channels_lock(workspace_id: UUID, channels: Iterable[str], *, is_store: bool) -> None:
    """Lock channels until the transaction ends: in common to store, alone to wait."""
    function = "pg_advisory_xact_lock_shared" if is_store else "pg_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(function=function), [str(workspace_id), list(channels)])


def carry_out(
    carrier: Carrier, opened: Opened, effect: wish.OpenWait | wish.TakeEvent | wish.CloseWaits
) -> None:
    """Do what a scope wishes for its subscriptions, in its transaction."""
    match effect:
        case wish.OpenWait():
            wait_open(carrier, opened, effect)
        case wish.TakeEvent():
            event_take(effect)
        case wish.CloseWaits():
            waits_close(effect)


def wait_open(carrier: Carrier, opened: Opened, effect: wish.OpenWait) -> None:
    """Write the subscription of a waiting step; a stored event that fits comes at once."""
    context = carrier.transaction.contexts[opened.row.run_id]
    wanted = _wanted(effect.request, opened.row.run_id, carrier.transaction.now)
    channels_lock(context.workspace_id, [channel_of(wanted.type, wanted.key)], is_store=False)
    _wait_insert(
        wanted,
        workspace_id=context.workspace_id,
        run_id=opened.row.run_id,
        scope_id=opened.row.id,
        step_run=effect.step_run,
        generation=effect.generation,
        path=effect.path,
        port=effect.port,
    )
    setting = opened.setting(context)
    known = draft_results(opened.draft, opened.row.id, where_refs(wanted.where))
    found = stored_find(wanted, context.workspace_id, opened.row.run_id, setting, known)
    if found is None:
        return
    row, event = found
    _waits_take(row, opened.row.run_id, effect.step_run, effect.port, effect.path)
    fact = EventArrived(
        step_run=effect.step_run,
        generation=effect.generation,
        row=row,
        event=event,
        port=effect.port,
    )
    carrier.leave(opened.row.id, opened.row.run_id, fact)


def arms_open(claim: Claim, values: JSON) -> None:
    """Write the subscriptions of a step's `until` arms, unless the claim was lost.

    Raises:
        ExpressionError: a key could not be found.
    """
    arms = [arm for arm in claim.node.spec.get("until") or () if arm.get("event")]
    if not arms:
        return
    keyed = [(arm, subject_of(value_of(arm.get("key")).evaluate(values))) for arm in arms]
    workspace_id = claim.context.workspace_id
    with transaction.atomic():
        channels = [channel_of(arm["event"], key) for arm, key in keyed]
        channels_lock(workspace_id, channels, is_store=False)
        if not _is_claimed(claim):
            return
        for arm, key in keyed:
            _arm_open(claim, arm, key, workspace_id)


def _arm_open(claim: Claim, arm: Mapping[str, JSON], key: str | None, workspace_id: UUID) -> None:
    wanted = Wanted(type=arm["event"], key=key, where=arm.get("where"), since=_began(claim.run_id))
    is_new = _wait_insert(
        wanted,
        workspace_id=workspace_id,
        run_id=claim.run_id,
        scope_id=claim.scope_id,
        step_run=claim.id,
        generation=claim.generation,
        path=claim.path,
        port=arm["port"],
    )
    found = stored_find(wanted, workspace_id, claim.run_id, claim.setting, {}) if is_new else None
    if found is None:
        return
    row, event = found
    _waits_take(row, claim.run_id, claim.id, arm["port"], claim.path)
    fact = EventArrived(
        step_run=claim.id, generation=claim.generation, row=row, event=event, port=arm["port"]
    )
    inbox_post(run_id=claim.run_id, scope_id=claim.scope_id, fact=fact_dump(fact))
    notify.scope_touched(claim.scope_id, claim.run_id)


def _is_claimed(claim: Claim) -> bool:
    """Hold the step run as it is, so that it does not end beside its new subscriptions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM workflows_app_steprun WHERE id = %s AND token = %s FOR SHARE",
            [claim.id, claim.token],
        )
        return cursor.fetchone() is not None


def _wanted(request: Mapping[str, JSON], run_id: UUID, now: datetime) -> Wanted:
    since = None
    if request.get("since"):
        since = datetime.fromisoformat(request["since"])
    elif not request.get("transient"):
        since = _began(run_id)
        if request.get("lookback") is not None:
            since = min(since, now - _lasts(request["lookback"]))
    return Wanted(
        type=request["event"],
        key=subject_of(request.get("key")),
        where=request.get("where"),
        since=since,
    )


def _lasts(value: JSON) -> timedelta:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return timedelta(seconds=value) if is_number else duration_parse(value)


def subject_of(value: JSON) -> str | None:
    """Give a key as the subject that it is compared with: a number is its digits."""
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _began(run_id: UUID) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT created_at FROM workflows_app_run WHERE id = %s", [run_id])
        began: datetime = cursor.fetchone()[0]
        return began


_INSERT = """
INSERT INTO workflows_app_eventwait (workspace_id, run_id, scope_id, step_run_id, generation,
  path, port, type, key, "where", channel, is_open, created_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, true, now())
ON CONFLICT (step_run_id, port) DO NOTHING
"""


def _wait_insert(
    wanted: Wanted,
    *,
    workspace_id: UUID,
    run_id: UUID,
    scope_id: UUID,
    step_run: UUID,
    generation: int,
    path: str,
    port: str = "",
) -> bool:
    """Write a subscription; False where the step has it already."""
    given: list[Any] = [workspace_id, run_id, scope_id, step_run, generation, path, port]
    what: list[Any] = [wanted.type, wanted.key, wanted.where, channel_of(wanted.type, wanted.key)]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, [*given, *what])
        return cursor.rowcount == 1


_TAKE = """
WITH took AS (
  UPDATE workflows_app_eventwait SET is_open = false, event_id = %(event)s
  WHERE step_run_id = %(step_run)s AND port = %(port)s AND is_open RETURNING run_id)
INSERT INTO workflows_app_eventuse (event_id, run_id, path)
SELECT %(event)s, run_id, %(path)s FROM took ON CONFLICT DO NOTHING
"""


def _waits_take(event: int, run_id: UUID, step_run: UUID, port: str, path: str) -> None:
    with connection.cursor() as cursor:
        given: dict[str, Any] = {"event": event, "step_run": step_run, "port": port, "path": path}
        cursor.execute(_TAKE, given)


def event_take(effect: wish.TakeEvent) -> None:
    """The step took the event that its subscription holds: its use stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM workflows_app_eventwait WHERE step_run_id = %s AND event_id = %s",
            [effect.step_run, effect.row],
        )


_CLOSE = """
WITH gone AS (
  DELETE FROM workflows_app_eventwait
  WHERE step_run_id = %(step)s AND (%(port)s::text IS NULL OR port = %(port)s)
  RETURNING event_id, run_id)
DELETE FROM workflows_app_eventuse u USING gone
WHERE u.event_id = gone.event_id AND u.run_id = gone.run_id
"""


def waits_close(effect: wish.CloseWaits) -> None:
    """End a step's subscriptions; an event that came and was not taken is unused again."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"step": effect.step_run, "port": effect.port})
