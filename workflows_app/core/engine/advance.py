"""`advance()`: one scope, one fact, and what follows from it. Pure."""

from workflows_app.core.effects import RollBack, TellParent
from workflows_app.core.engine import (
    containers,
    flow,
    leaf,
    machine,
    map_more,
    people,
    revert,
    suspending,
)
from workflows_app.core.engine.draft import Draft, StepDraft
from workflows_app.core.facts import (
    BodyEnded,
    BodyIdle,
    BodyWaking,
    ChildRunEnded,
    ContainerOpened,
    Decided,
    EventArrived,
    Fact,
    RollbackAsked,
    ScopeCancelled,
    ScopeOpened,
    SlotGranted,
    StepFailed,
    StepGivenUp,
    StepHeld,
    StepLost,
    StepPassed,
    StepSkipped,
    StepSucceeded,
    StepSuspended,
    TimerFired,
    TriggerFired,
    UndosEnded,
    WorkerFact,
)
from workflows_app.core.states import ScopeState, StepState

_HANDLERS = {
    StepSucceeded: leaf.on_succeeded,
    StepFailed: leaf.on_failed,
    StepSkipped: leaf.on_skipped,
    StepSuspended: suspending.on_suspended,
    StepHeld: suspending.on_held,
    StepLost: leaf.on_lost,
    ContainerOpened: map_more.on_opened,
    TimerFired: map_more.on_timer,
    BodyEnded: containers.on_body_ended,
    BodyIdle: containers.on_body_idle,
    BodyWaking: containers.on_body_waking,
    Decided: people.on_decided,
    EventArrived: map_more.on_event,
    ChildRunEnded: people.on_child_ended,
    StepPassed: people.on_passed,
    StepGivenUp: people.on_given_up,
}


def advance(draft: Draft, fact: Fact) -> bool:
    """Apply one fact to a scope; False when it no longer fits and nothing changed.

    A worker's fact counts only with the token of the present claim. Everything else is found
    in `draft`: what changed, the history, and the effects wanted.
    """
    if isinstance(fact, RollbackAsked):
        draft.effects.append(RollBack(asked=fact))
        return True
    if draft.state is ScopeState.ENDED:
        return False
    match fact:
        case ScopeOpened():
            flow.start_ready(draft, draft.graph.roots)
        case ScopeCancelled():
            flow.close(
                draft,
                outcome="error" if fact.error else "cancelled",
                error=fact.error,
                is_cancelled=fact.error is None,
                why=fact.why,
                actor=fact.actor,
            )
        case SlotGranted():
            _slot_granted(draft)
        case UndosEnded():
            if not revert.on_undos_ended(draft, fact):
                return False
        case _:
            status = draft.by_id.get(fact.step_run)  # type: ignore[attr-defined]
            if status is None or not _fits(status, fact):
                return False
            if isinstance(fact, TriggerFired):
                if not machine.on_trigger(draft, status, fact):
                    return False
            else:
                _HANDLERS[type(fact)](draft, status, fact)  # type: ignore[operator]
    if draft.reverting:
        revert.go_on(draft)
    flow.end_if_still(draft)
    return True


def _fits(status: StepDraft, fact: Fact) -> bool:
    if status.is_superseded:
        return False
    if isinstance(fact, WorkerFact | StepLost):
        return status.state is StepState.RUNNING and status.token == fact.token
    return status.is_open


def _slot_granted(draft: Draft) -> None:
    draft.slot = "held"
    draft.is_changed = True
    for status in draft.steps.values():
        if status.is_held:
            status.is_held = False
            status.is_changed = True


def slot_report(draft: Draft) -> None:
    """Tell the container when the body falls idle or wakes; called once, after all facts.

    Only bodies under a map have a slot to give back.
    """
    if not draft.slot or draft.container_id is None or draft.state is ScopeState.ENDED:
        return
    is_idle = all(
        containers.is_idle(draft, status) for status in draft.steps.values() if status.is_open
    )
    name = {"container": draft.container_id, "scope": draft.id}
    if draft.slot in ("held", "inner") and is_idle:
        draft.slot = "released" if draft.slot == "held" else "inner_idle"
        fact: Fact = BodyIdle(step_run=name["container"], scope=name["scope"])
    elif draft.slot == "queued" and not draft.has_asked:
        draft.has_asked = True
        fact = BodyWaking(step_run=name["container"], scope=name["scope"])
    elif draft.slot in ("released", "inner_idle") and not is_idle:
        draft.slot = "held" if draft.slot == "released" else "inner"
        fact = BodyWaking(step_run=name["container"], scope=name["scope"], is_working=True)
    else:
        return
    draft.is_changed = True
    draft.effects.append(TellParent(fact=fact))
