"""Taking back what a step did, in the middle of a run.

What follows the step stops first; a call with an effect that is out is let finish and is undone
in its own scope. Then the undos run, newest first, as a scope of their own inside the step, and
only when that has ended does the step go on: again, by its port of refusal or failure, or not
at all. Until then it is `compensating`, its edges are undecided, and its scope does not end.
"""

from datetime import timedelta
from typing import Any

from workflows_app.core.effects import UndoSteps
from workflows_app.core.engine import flow
from workflows_app.core.engine.clocks import arms_start
from workflows_app.core.engine.draft import REVERT, TRIED, Draft, StepDraft
from workflows_app.core.engine.supersede import supersede_after, supersede_one
from workflows_app.core.engine.suspending import retry_later
from workflows_app.core.facts import UndosEnded
from workflows_app.core.states import ScopeState, Trigger

JSON = Any
_SETTLED = "settled"  # it has ended already and took its port, or none
AGAIN = "again"  # people sent it back
RETRY = "retry"  # its body failed, and it is tried again


def begin(
    draft: Draft, status: StepDraft, then: str, *, actor: str, why: str, **more: JSON
) -> None:
    """Take back a step that acted, and all that went on from it.

    Args:
        then: what becomes of it: `again`, `retry`, `rejected`, `failed` or `cancelled`.
        more: what that needs: `port` and `error`, `feedback` and `progress`, or `error`,
            `progress` and `delay` (seconds).
    """
    went_on = status.port is not None  # provisionally, while it was reviewed
    status.port = None
    revert = {"then": then, "actor": actor, "why": why, "went_on": went_on, **more}
    draft.take_back(status, revert)
    if went_on:
        draft.block()
        _stop_followers(draft, status, actor=actor)
    go_on(draft)
    if not _is_undoing(status):
        stops = [one.path for one in _followers(draft, status) if not _is_over(draft, one)]
        _tell(draft, status, {"stops": stops})


def undo_ended(draft: Draft, status: StepDraft, *, actor: str = "engine", why: str) -> None:
    """Undo a step that ended, though what it did was not wanted any more; its port stands."""
    draft.take_back(status, {"then": _SETTLED, "actor": actor, "why": why})
    go_on(draft)


def _tell(draft: Draft, status: StepDraft, data: JSON) -> None:
    """Write that the step is being taken back."""
    revert = status.progress[REVERT]
    draft.record(
        "state.changed",
        status,
        revert["from"],
        trigger="undo",
        actor=revert["actor"],
        why=revert["why"],
        data=data,
    )
    status.progress = {**status.progress, REVERT: {**revert, "from": str(status.state)}}
    status.is_changed = True


def told(draft: Draft, status: StepDraft, paths: list[str]) -> None:
    """Write which undos begin; the service knows them, newest first."""
    _tell(draft, status, {"undoes": paths})


def _followers(draft: Draft, status: StepDraft) -> list[StepDraft]:
    """Give the step runs that went on from a step; none where nothing could yet."""
    if not status.progress[REVERT].get("went_on"):
        return []
    found = (draft.steps.get(name) for name in draft.graph.after(status.step))
    return [one for one in found if one is not None]


def _stop_followers(draft: Draft, status: StepDraft, *, actor: str) -> None:
    why = "what it rests on was rejected"
    for follower in _followers(draft, status):
        if follower.step in draft.reverting:
            _give_up(follower)
        elif follower.is_open:
            flow.cancel(draft, follower, why=why, actor=actor)


def _give_up(follower: StepDraft) -> None:
    """It is being taken back already: it is not to run again after that."""
    revert = follower.progress[REVERT]
    if revert["then"] != _SETTLED:
        follower.progress = {**follower.progress, REVERT: {**revert, "then": "cancelled"}}
        follower.is_changed = True


def _is_over(draft: Draft, follower: StepDraft) -> bool:
    return not follower.is_open and follower.step not in draft.reverting


def _is_undoing(status: StepDraft) -> bool:
    return bool(status.progress[REVERT].get("is_undoing"))


def go_on(draft: Draft) -> None:
    """Begin the undos of what has nothing to wait for any more."""
    for status in list(draft.reverting.values()):
        followers = _followers(draft, status)
        if _is_undoing(status) or not all(_is_over(draft, one) for one in followers):
            continue
        revert = status.progress[REVERT]
        if revert.get("went_on"):
            why = "what it rests on was rejected"
            supersede_after(draft, status.step, actor=revert["actor"], why=why)
        status.progress = {**status.progress, REVERT: {**revert, "is_undoing": True}}
        status.is_changed = True
        steps = (*(one.id for one in followers), status.id)
        draft.effects.append(UndoSteps(container=status.id, steps=steps))


def on_undos_ended(draft: Draft, fact: UndosEnded) -> bool:
    """What the step did is undone, or a person passed it over: now it goes on."""
    status = draft.by_id.get(fact.step_run)
    if status is None or status.step not in draft.reverting or not _is_undoing(status):
        return False
    revert = status.progress[REVERT]
    del draft.reverting[status.step]
    rest = {name: value for name, value in status.progress.items() if name != REVERT}
    status.progress = rest or None
    draft.block()
    then = revert["then"]
    if then == _SETTLED:
        kept = Trigger.CANCEL if revert.get("is_cancelled") else Trigger.UNDO_SKIPPED
        draft.move(status, Trigger.UNDONE if fact.is_undone else kept)
        status.finished_at = draft.now
    elif then in (AGAIN, RETRY) and draft.state is ScopeState.OPEN:
        _again(draft, status, revert, fact)
    else:
        _end(draft, status, revert, fact)
    if draft.state is ScopeState.OPEN:
        flow.start_ready(draft, draft.graph.order)
    return True


def _again(draft: Draft, status: StepDraft, revert: JSON, fact: UndosEnded) -> None:
    """Run a step anew: at once where people sent it back, a while after its body failed."""
    is_retry = revert["then"] == RETRY
    stays = Trigger.FAIL if is_retry else Trigger.UNDO_SKIPPED
    draft.move(status, Trigger.UNDONE if fact.is_undone else stays)
    status.finished_at = draft.now
    fresh = supersede_one(draft, status, actor=revert["actor"], why=revert["why"])
    fresh.progress = revert["progress"]
    if is_retry:
        fresh.attempt = revert["progress"][TRIED] - 1
        retry_later(
            draft, fresh, timedelta(seconds=revert["delay"]), revert["error"], why=revert["why"]
        )
    else:
        fresh.feedback, fresh.has_feedback = revert["feedback"], True
        draft.ready(fresh, why=revert["why"], actor=revert["actor"])
    arms_start(draft, fresh)


def _end(draft: Draft, status: StepDraft, revert: JSON, fact: UndosEnded) -> None:
    """End a step that was taken back; what is undone is `compensated`, by whatever port."""
    then = "cancelled" if revert["then"] in (AGAIN, RETRY) else revert["then"]
    error = revert.get("error")
    port = None if then == "cancelled" else revert["port"]
    if fact.is_undone:
        draft.move(status, Trigger.UNDONE)
    elif then == "cancelled":
        draft.move(status, Trigger.CANCEL)
    else:
        draft.move(status, Trigger.TIME_OUT if revert.get("timed_out") else Trigger.FAIL)
    if error is not None:
        status.error, status.has_error = error, True
    flow.settle(
        draft,
        status,
        port,
        source=revert["from"],
        trigger=revert.get("outcome", ""),
        actor=revert["actor"],
        why=revert["why"],
    )
