"""Containers: a step whose bodies run as scopes of their own (group, map, loop)."""

from typing import Any
from uuid import UUID

from workflows_app.core.changes import own_body
from workflows_app.core.effects import DropPending, OpenPending, OpenScopes, TellScope
from workflows_app.core.engine import attempts, flow, heard, machine
from workflows_app.core.engine.again import body_failed
from workflows_app.core.engine.clocks import limit_start
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.engine.map_failures import failures_allowed, item_degraded
from workflows_app.core.facts import (
    BodyEnded,
    BodyIdle,
    BodyWaking,
    ContainerOpened,
    SlotGranted,
)
from workflows_app.core.states import StepState, Trigger

JSON = Any


def on_opened(draft: Draft, status: StepDraft, fact: ContainerOpened) -> None:
    """The settings are known: open the bodies, or end at once where there are none."""
    if draft.node(status).kind.primitive == "state_machine":
        machine.on_opened(draft, status, fact)
        return
    attempts.take(draft, status, fact)
    attempts.announce(draft, status, fact.actor)
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    status.is_container = True
    status.token = None
    status.progress = {
        **status.lasting,
        **(fact.progress or {}),
        "total": len(fact.values),
        "processed": 0,
        "failed": 0,
        "ended": 0,
        "working": 0,
    }
    limit_start(draft, status)
    is_map = fact.scope_kind == "item"
    if is_map and not fact.values and not status.progress.get("is_open"):
        _map_end(draft, status)
        return
    opened = min(fact.concurrency, len(fact.values))
    status.progress["working"] = opened
    status.progress["opened"] = opened
    status.progress["concurrency"] = fact.concurrency
    draft.effects.append(
        OpenScopes(
            container=status.id,
            step=status.step,
            path=status.path,
            body=fact.body,
            kind=fact.scope_kind,
            values=fact.values,
            first=int(status.progress.get("iteration", 0)),
            opened=opened,
            slot="held" if is_map else draft.inner_slot,
            override=fact.override,
        )
    )


def on_body_ended(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    """One of the container's scopes has ended."""
    if not status.is_container or not status.is_open:
        return
    match draft.node(status).kind.primitive:
        case "map":
            _item_ended(draft, status, fact)
        case "loop":
            _iteration_ended(draft, status, fact)
        case "state_machine":
            machine.on_body_ended(draft, status, fact)
        case _:
            _group_ended(draft, status, fact)


def _stopped(draft: Draft, status: StepDraft, fact: BodyEnded) -> bool:
    """End a container that was being cancelled, or whose time is used up."""
    if (status.progress or {}).get("timed_out"):
        flow.fail(draft, status, "timeout", "the step took too long", timed_out=True)
    elif status.is_cancelling or fact.is_cancelled:
        flow.cancelled(draft, status, why="what it held has stopped")
    else:
        return False
    return True


def _failed(draft: Draft, status: StepDraft, fact: BodyEnded) -> bool:
    if fact.outcome != "error":
        return False
    error = fact.error or {}
    body_failed(
        draft,
        status,
        error.get("code") or "error",
        error.get("message") or "a step inside failed",
        path=error.get("path"),
    )
    return True


def _group_ended(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    if _stopped(draft, status, fact) or _failed(draft, status, fact):
        return
    flow.succeed(draft, status, fact.outcome, output=fact.output)


def _iteration_ended(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    """Go round again, or end: `following` holds what the loop's condition said."""
    if _stopped(draft, status, fact) or _failed(draft, status, fact):
        return
    progress = dict(status.progress)
    progress["ended"] = fact.position + 1
    status.progress = progress
    status.is_changed = True
    output = {"iterations": fact.position + 1, "last": fact.output}
    following = fact.following or {"port": "done"}
    if fact.outcome != "done":
        flow.succeed(draft, status, fact.outcome, output=output)
    elif "error" in following:
        code, message = following["error"]
        body_failed(draft, status, code, message, output=output)
    elif "port" in following:
        flow.succeed(draft, status, following["port"], output=output)
    else:
        progress["iteration"] = fact.position + 1
        draft.effects.append(
            OpenScopes(
                container=status.id,
                step=status.step,
                path=status.path,
                body=progress["body"],
                kind="iteration",
                values=(following["next"],),
                first=fact.position + 1,
                opened=1,
                slot=draft.inner_slot,
                override=own_body(draft.node(status).spec),
            )
        )


def _item_ended(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    progress = dict(status.progress)
    status.progress = progress
    status.is_changed = True
    progress["ended"] += 1
    is_queued = str(fact.scope) in (progress.get("waking") or ())
    if fact.had_slot or (fact.awaited_slot and not is_queued):
        progress["working"] -= 1
    if is_queued:
        progress["waking"] = [one for one in progress["waking"] if one != str(fact.scope)]
    if fact.outcome == "error":
        progress["failed"] += 1
        progress.setdefault("first_error", fact.error)
    elif not fact.is_cancelled:
        progress["processed"] += 1
    is_over = progress["failed"] > failures_allowed(progress.get("failures"), progress["total"])
    if fact.outcome == "error" and not is_over:
        item_degraded(draft, status, fact)
    if is_over and not progress.get("stopping") and not progress.get("is_enough"):
        progress["stopping"] = True
        flow.cancel_inside(draft, status, "too many items failed", "engine")
    enough = progress.get("enough")
    if fact.is_enough or (enough and progress["processed"] >= enough):
        _enough(draft, status)
    if status.is_cancelling or progress.get("stopping") or progress.get("timed_out"):
        _map_stopping(draft, status, fact)
    elif progress.get("is_enough"):
        if progress["ended"] >= progress["opened"]:
            _map_end(draft, status)
        else:
            _fill_slots(draft, status)
    elif progress["ended"] == progress["total"] and not progress.get("is_open"):
        _map_end(draft, status)
    else:
        _fill_slots(draft, status)


def map_end_if_done(draft: Draft, status: StepDraft) -> None:
    """End a map that waited for more items, once all that came have ended."""
    progress = status.progress
    if progress["ended"] == progress["total"]:
        _map_end(draft, status)


def _enough(draft: Draft, status: StepDraft) -> None:
    """The map has what it needs: the rest is cancelled, or let finish and ignored."""
    progress = status.progress
    if progress.get("is_enough") or progress.get("stopping") or status.is_cancelling:
        return
    progress["is_enough"] = True
    if draft.node(status).settings.get("rest") != "leave":
        flow.cancel_inside(draft, status, "there are enough", "engine")
        return
    draft.effects.append(DropPending(container=status.id))
    status.output, status.has_output = heard.map_output(progress), True
    status.port = "done"
    flow.start_ready(draft, tuple(draft.node(status).targets))


def _map_stopping(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    """Wait until every scope that was opened has ended, then end as cancelled or failed."""
    progress = status.progress
    if progress["ended"] < progress["opened"]:
        return
    if progress.get("timed_out") or status.is_cancelling:
        _stopped(draft, status, fact)
        return
    error = progress.get("first_error") or {}
    body_failed(
        draft,
        status,
        error.get("code") or "error",
        f"{progress['failed']} of {progress['total']} items failed: {error.get('message', '')}",
        path=error.get("path"),
        output=heard.map_output(progress),
    )


def _map_end(draft: Draft, status: StepDraft) -> None:
    if status.port is not None:  # it went on long ago; what was left has finished now
        source = draft.move(status, Trigger.SUCCEED)
        flow.settle(draft, status, status.port, source=source, why="the rest has finished")
        return
    flow.succeed(draft, status, "done", output=heard.map_output(status.progress))


def _fill_slots(draft: Draft, status: StepDraft) -> None:
    """Give free slots to items that wake first, then to items that never started.

    Where a map has enough and leaves the rest, what was begun still finishes.
    """
    progress = status.progress
    is_over = progress.get("is_enough") and status.port is None
    if status.is_cancelling or is_over or any(map(progress.get, ("stopping", "timed_out"))):
        return
    free = progress["concurrency"] - progress["working"]
    waking = progress.get("waking") or []
    while free > 0 and waking:
        progress["working"] += 1
        free -= 1
        draft.effects.append(TellScope(scope=UUID(waking.pop(0)), fact=SlotGranted()))
    count = min(free, progress["total"] - progress["opened"])
    if count > 0 and not progress.get("is_enough"):
        progress["opened"] += count
        progress["working"] += count
        draft.effects.append(OpenPending(container=status.id, count=count))


def on_body_idle(draft: Draft, status: StepDraft, fact: BodyIdle) -> None:
    """Nothing in one of the bodies works: an item gives its slot to another."""
    if not status.is_container or status.progress is None:
        return
    status.progress = progress = dict(status.progress)
    status.is_changed = True
    if draft.node(status).kind.primitive != "map":
        progress["is_idle"] = True
        return
    progress["working"] -= 1
    _fill_slots(draft, status)


def on_body_waking(draft: Draft, status: StepDraft, fact: BodyWaking) -> None:
    """A body wants to work again: an item queues for a slot unless it works already."""
    if not status.is_container or status.progress is None:
        return
    status.progress = progress = dict(status.progress)
    status.is_changed = True
    if draft.node(status).kind.primitive != "map":
        progress["is_idle"] = False
    elif fact.is_working:
        progress["working"] += 1
    else:
        progress["waking"] = [*(progress.get("waking") or []), str(fact.scope)]
        _fill_slots(draft, status)


def is_idle(draft: Draft, status: StepDraft) -> bool:
    """Tell whether an open step has nothing for a worker in it, at any depth."""
    if not status.is_container or status.state is StepState.WAITING:
        return status.state is StepState.WAITING or status.is_held
    progress = status.progress or {}
    if draft.node(status).kind.primitive == "map":
        return progress.get("working") == 0
    return bool(progress.get("is_idle"))
