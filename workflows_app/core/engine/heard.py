"""What a waiting step hears from outside: a time, an event, an arm of its `until`."""

from typing import Any

from workflows_app.core.effects import CancelChild, TakeEvent
from workflows_app.core.engine import flow, suspending
from workflows_app.core.engine.draft import ENDED, Draft, StepDraft
from workflows_app.core.facts import EventArrived, TimerFired
from workflows_app.core.states import StepState, WaitReason

JSON = Any


def on_timer(draft: Draft, status: StepDraft, fact: TimerFired) -> None:
    """A stored time was reached; one that came too late means nothing."""
    if fact.generation != status.generation or not status.is_open:
        return
    if fact.name.startswith("until:"):
        if not _is_decided(status):
            _until(draft, status, fact.name.removeprefix("until:"))
    elif fact.name == "timeout":
        time_out(draft, status)
    elif status.state is not StepState.WAITING or status.reason != _REASONS.get(fact.name):
        return
    elif fact.name == "event":
        flow.succeed(draft, status, "expired", trigger="timeout", why="no event came in time")
    elif fact.name == "timer":
        flow.succeed(draft, status, "done", trigger="timer", why="the time came")
    else:
        suspending.resume(draft, status, why="the time came")


_REASONS = {
    "retry": WaitReason.RETRY.value,
    "timer": WaitReason.TIMER.value,
    "rate": WaitReason.RATE.value,
    "breaker": WaitReason.BREAKER.value,
    "exclusive": WaitReason.EXCLUSIVE.value,
    "review": WaitReason.REVIEW.value,
    "event": WaitReason.EVENT.value,
}


def on_event(draft: Draft, status: StepDraft, fact: EventArrived) -> None:
    """The event came that a step waits for, or an arm of its `until`."""
    is_arm = bool(fact.port)
    if fact.generation != status.generation or (
        not is_arm and status.reason != WaitReason.EVENT.value
    ):
        return
    if is_arm and _is_decided(status):
        return
    draft.effects.append(TakeEvent(step_run=status.id, row=fact.row))
    event_record(draft, status, fact)
    if is_arm:
        _until(draft, status, fact.port)
    else:
        flow.succeed(draft, status, "done", output=fact.event, trigger="event")


def event_record(draft: Draft, status: StepDraft, fact: EventArrived) -> None:
    """Write that the run used an event."""
    named = {name: fact.event.get(name) for name in ("id", "source", "type", "subject")}
    draft.record("event.consumed", status, str(status.state), trigger="event", data=named)


def _is_decided(status: StepDraft) -> bool:
    """Its own end was first, or that of its scope: an arm of `until` comes too late."""
    if status.port is not None or status.is_cancelling:
        return True
    progress = status.progress or {}
    over = ("timed_out", "stopping", "is_enough")
    return ENDED not in progress and any(map(progress.get, over))


def _until(draft: Draft, status: StepDraft, port: str) -> None:
    """An arm of `until` was first: the step ends through its port, with its output so far.

    The way through the port is open at once. What still goes on inside, or outside with an
    effect, stops first; until then the step is not over, and neither is its scope.
    """
    output = _so_far(draft, status)
    if output is not None:
        status.output, status.has_output = output, True
    status.port = port
    flow.cancel(draft, status, why=f"{port} came first")
    if status.is_open:
        flow.follow(draft, status, port)


def _so_far(draft: Draft, status: StepDraft) -> JSON:
    """Give what a container has brought so far; the service puts the outputs of bodies in."""
    progress = status.progress or {}
    if not status.is_container:
        return None
    match draft.node(status).kind.primitive:
        case "map":
            return map_output(progress)
        case "loop":
            return {"iterations": progress["ended"], "last": None}
        case "state_machine":
            return {"state": progress["state"], "visits": progress["visits"]}
    return None


def map_output(progress: JSON) -> JSON:
    """Give a map's counts so far; the service puts the items' outputs beside them."""
    counts = {name: progress[name] for name in ("total", "processed", "failed")}
    return {"items": [], **counts}


def time_out(draft: Draft, status: StepDraft) -> None:
    """A step used up its time: its bodies or its child run are cancelled, then it fails."""
    if status.port is not None:
        return  # it went on already, and what is left of it is ignored
    why = "the step timed out"
    is_child = status.reason == WaitReason.CHILD
    if not is_child and not (status.is_container and status.state is StepState.RUNNING):
        draft.drop_waits(status, why)
        timed_out(draft, status)
        return
    status.progress = {**(status.progress or {}), "timed_out": True}
    status.is_changed = True
    if is_child:
        draft.effects.append(CancelChild(step_run=status.id, why=why, actor="engine"))
    else:
        flow.cancel_inside(draft, status, why, "engine")
        if status.holds_nothing:
            timed_out(draft, status)


def timed_out(draft: Draft, status: StepDraft) -> None:
    """Fail a step whose time is used up, once what it began has stopped."""
    flow.fail(draft, status, "timeout", "the step took too long", timed_out=True)
