"""State machines: a container that opens one body for each visit to a state.

Between bodies the step waits for a trigger; its `progress` holds the present state, how often
each state was visited, what each gave, and how many bodies are still open.
"""

from collections.abc import Iterable
from typing import Any

from workflows_app.core.changes import own_body
from workflows_app.core.durations import duration_parse
from workflows_app.core.effects import CancelScopes, DropTimers, OpenScopes, StartTimer
from workflows_app.core.engine import attempts, flow, suspending
from workflows_app.core.engine.again import body_failed
from workflows_app.core.engine.clocks import limit_start
from workflows_app.core.engine.draft import Draft, HistoryEvent, StepDraft
from workflows_app.core.facts import BodyEnded, ContainerOpened, TimerFired, TriggerFired
from workflows_app.core.states import StepState, Trigger, WaitReason

JSON = Any
TIMEOUT = "state:"  # prefix of the names of the timers of states


def on_opened(draft: Draft, status: StepDraft, fact: ContainerOpened) -> None:
    """The machine begins: it enters its initial state."""
    attempts.take(draft, status, fact)
    attempts.announce(draft, status, fact.actor)
    if status.is_cancelling:
        flow.cancelled(draft, status, why="cancelled")
        return
    status.is_container = True
    status.token = None
    settings = draft.node(status).settings
    status.progress = {
        **status.lasting,
        "body": fact.body,
        "state": None,
        "visit": 0,
        "visits": {},
        "outputs": {},
        "open": 0,
    }
    limit_start(draft, status)
    _enter(draft, status, str(settings["initial"]), trigger="", actor=fact.actor, data=None)


def on_trigger(draft: Draft, status: StepDraft, fact: TriggerFired) -> bool:
    """Fire a trigger; False when it fits nothing and came from outside."""
    if not status.is_container or status.is_cancelling:
        return False
    progress = status.progress or {}
    is_inner = fact.visit is not None
    if is_inner and fact.visit != progress.get("visit"):
        return True  # of a state that was left long ago
    if fact.chosen is None:
        if is_inner:
            _illegal(draft, status, fact)
        return is_inner
    _leave(draft, status)
    _enter(
        draft,
        status,
        fact.chosen["to"],
        trigger=fact.trigger,
        actor=fact.actor,
        data=fact.data,
        why=fact.reason,
        guards=fact.chosen.get("guards"),
    )
    return True


def _illegal(draft: Draft, status: StepDraft, fact: TriggerFired) -> None:
    present = (status.progress or {}).get("state")
    _leave(draft, status)
    body_failed(
        draft,
        status,
        "illegal_trigger",
        f"{fact.trigger} leads nowhere from {present}",
    )


def _leave(draft: Draft, status: StepDraft) -> None:
    """Leaving a state cancels its body, what it asks, and its timer."""
    progress = status.progress or {}
    name = f"{TIMEOUT}{progress.get('visit')}"
    draft.effects.append(DropTimers(step_run=status.id, name=name))
    if progress.get("open"):
        draft.effects.append(CancelScopes(container=status.id, why="its state was left"))
    if status.state is StepState.WAITING:
        draft.move(status, Trigger.REOPEN)


def _enter(
    draft: Draft,
    status: StepDraft,
    name: str,
    *,
    trigger: str,
    actor: str,
    data: JSON,
    why: str = "",
    guards: JSON = None,
) -> None:
    progress = dict(status.progress or {})
    before = progress["state"]
    visits = dict(progress["visits"])
    visits[name] = visits.get(name, 0) + 1
    progress |= {"state": name, "visits": visits, "visit": progress["visit"] + 1}
    status.progress = progress
    status.is_changed = True
    draft.history.append(
        HistoryEvent(
            type="state.changed",
            path=status.path,
            generation=status.generation,
            from_state=before or "",
            to_state=name,
            trigger=trigger,
            actor=actor,
            why=why,
            data={"guards": guards or [], "data": data},
        )
    )
    state = draft.node(status).settings["states"][name]
    if state.get("entry"):
        _open(draft, status, name, visits[name] - 1, {"type": trigger, "data": data})
    elif state.get("terminal"):
        _end(draft, status)
    else:
        _wait(draft, status)
    timeout = state.get("timeout")
    if timeout and status.is_open:
        _clock(draft, status, timeout["after"])


def _open(draft: Draft, status: StepDraft, name: str, visit: int, event: JSON) -> None:
    progress = dict(status.progress or {})
    progress["open"] += 1
    status.progress = progress
    shown = variables(status, draft.node(status).settings["states"])
    draft.effects.append(
        OpenScopes(
            container=status.id,
            step=status.step,
            path=f"{status.path}.{name}",
            body=f"{progress['body']}.{name}",
            kind="visit",
            values=({**shown, "event": event, "visit": progress["visit"]},),
            first=visit,
            opened=1,
            slot=draft.inner_slot,
            override=own_body(draft.node(status).spec, name),
        )
    )


def variables(status: StepDraft, known: Iterable[str]) -> dict[str, JSON]:
    """Give what guards and bodies see as `state` and `states`; a state not visited has 0 visits."""
    progress = status.progress or {}
    outputs = progress.get("outputs") or {}
    states = {
        name: {"visits": count, **({"output": outputs[name]} if name in outputs else {})}
        for name, count in (dict.fromkeys(known, 0) | progress["visits"]).items()
    }
    return {"state": progress["state"], "states": states}


def _wait(draft: Draft, status: StepDraft) -> None:
    """Nothing goes on in this state: the machine waits for a trigger."""
    suspending.suspend(
        draft,
        status,
        WaitReason.TRIGGER,
        waiting={"state": (status.progress or {}).get("state")},
        why="it waits for a trigger",
    )


def _clock(draft: Draft, status: StepDraft, after: str) -> None:
    name = f"{TIMEOUT}{(status.progress or {})['visit']}"
    fact = TimerFired(step_run=status.id, generation=status.generation, name=name)
    due_at = draft.now + duration_parse(after)
    draft.effects.append(StartTimer(step_run=status.id, name=name, due_at=due_at, fact=fact))


def timeout_trigger(draft: Draft, status: StepDraft, fact: TimerFired) -> TriggerFired | None:
    """Give the trigger that a state fires when it has lasted long enough."""
    progress = status.progress or {}
    if fact.name != f"{TIMEOUT}{progress.get('visit')}":
        return None
    state = draft.node(status).settings["states"][progress["state"]]
    return TriggerFired(
        step_run=status.id,
        trigger=state["timeout"]["trigger"],
        actor="engine",
        reason="the state timed out",
        visit=progress["visit"],
    )


def entry_trigger(draft: Draft, status: StepDraft, fact: BodyEnded) -> TriggerFired | None:
    """Give the trigger that the end of a state's body fires, if it fires one."""
    progress = status.progress or {}
    if fact.visit != progress.get("visit") or fact.is_cancelled:
        return None
    state = draft.node(status).settings["states"][progress["state"]]
    trigger = (state.get("fires") or {}).get(fact.outcome)
    if trigger is None:
        return None
    data = fact.error if fact.outcome == "error" else fact.output
    return TriggerFired(
        step_run=status.id, trigger=trigger, actor="engine", data=data, visit=progress["visit"]
    )


def on_body_ended(draft: Draft, status: StepDraft, fact: BodyEnded) -> None:
    """Count a body that ended; that of the present state may end the machine, or leave it waiting.

    The trigger that it fires comes as a fact of its own, right after this one.
    """
    progress = dict(status.progress or {})
    progress["open"] -= 1
    status.progress = progress
    status.is_changed = True
    if status.is_cancelling or progress.get("timed_out"):
        if progress["open"] <= 0:
            _stopped(draft, status)
        return
    if progress.get("ends"):
        if progress["open"] <= 0:
            _end(draft, status)
        return
    if fact.visit != progress["visit"] or fact.is_cancelled:
        return
    if fact.outcome != "error" and fact.output is not None:
        progress["outputs"] = {**progress["outputs"], progress["state"]: fact.output}
    state = draft.node(status).settings["states"][progress["state"]]
    if state.get("terminal") and fact.outcome != "error":
        _end(draft, status)
    elif (state.get("fires") or {}).get(fact.outcome) is not None:
        return
    elif fact.outcome == "error":
        error = fact.error or {}
        body_failed(
            draft,
            status,
            error.get("code") or "error",
            error.get("message") or "the entry of a state failed",
            path=error.get("path"),
        )
    else:
        _wait(draft, status)


def _stopped(draft: Draft, status: StepDraft) -> None:
    if (status.progress or {}).get("timed_out"):
        flow.fail(draft, status, "timeout", "the step took too long", timed_out=True)
    else:
        flow.cancelled(draft, status, why="what it held has stopped")


def _end(draft: Draft, status: StepDraft) -> None:
    """End in the present state, once the bodies of states that were left have stopped."""
    progress = status.progress or {}
    if progress["open"] > 0:
        status.progress = {**progress, "ends": True}
        status.is_changed = True
        return
    output = {"state": progress["state"], "visits": progress["visits"]}
    flow.succeed(draft, status, progress["state"], output=output)


def allowed(settings: JSON, state: str) -> list[str]:
    """Give the triggers that lead out of a state."""
    found = []
    for transition in settings["transitions"]:
        sources = transition["from"]
        if state in ([sources] if isinstance(sources, str) else sources):
            found.append(transition["trigger"])
    return list(dict.fromkeys(found))
