"""What people do to a run: pause, resume, cancel, roll back. Steps are steered in `rerun.py`."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from workflows_app import notify
from workflows_app.core.facts import ScopeCancelled, ScopeOpened, fact_dump
from workflows_app.core.states import RUN_TERMINAL, RunState
from workflows_app.errors import IllegalState, NotFound
from workflows_app.models import InboxFact, Run, Scope, Undo
from workflows_app.selectors.runs import incidents, may_fail, run_actions
from workflows_app.services import undo
from workflows_app.services.apply import scopes_settle
from workflows_app.services.history import history_append

JSON = Any
_PAUSABLE = (RunState.QUEUED, RunState.RUNNING, RunState.WAITING)
_CANCELLABLE = (*_PAUSABLE, RunState.PAUSED)


def actions_now(run: Run) -> list[str]:
    """Give the control calls that the run's state allows now."""
    state = RunState(run.state)
    found = incidents(run.pk)
    goes_on = state not in RUN_TERMINAL
    return run_actions(
        state,
        has_incident=goes_on and found.exists(),
        has_undo=_has_undo(run),
        may_fail=goes_on and may_fail(found).exists(),
    )


def _has_undo(run: Run) -> bool:
    return Undo.objects.filter(run=run, state="armed").exists()


def _locked(run_id: UUID) -> Run:
    try:
        return Run.objects.select_for_update(no_key=True).get(pk=run_id)
    except Run.DoesNotExist:
        raise NotFound("there is no such run") from None


def refuse(run: Run, action: str) -> None:
    """Raise IllegalState, naming what the state does allow."""
    raise IllegalState(
        f"{action} is not possible while the run is {run.state}", allowed=actions_now(run)
    )


def run_pause(*, run_id: UUID, actor: str, reason: str = "") -> Run:
    """Claim nothing new in this run and its child runs; what runs now finishes.

    Raises:
        IllegalState: it has ended, is ending, or is paused already.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if run.state not in _PAUSABLE:
            refuse(run, "pause")
        before = run.state
        Run.objects.filter(pk=run_id).update(state=RunState.PAUSED.value, paused_at=Now())
        _record(run_id, "run.paused", before, RunState.PAUSED, actor, reason)
    for child in _open_children(run_id, _PAUSABLE):
        run_pause(run_id=child, actor=actor, reason=reason)
    return Run.objects.get(pk=run_id)


def run_resume(*, run_id: UUID, actor: str, reason: str = "") -> Run:
    """Go on with a paused run; its time limit moves by the time it stood still.

    Raises:
        IllegalState: it is not paused.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if run.state != RunState.PAUSED:
            refuse(run, "resume")
        state = RunState.WAITING
        if run.active > 0:
            state = RunState.RUNNING if run.started_at else RunState.QUEUED
        Run.objects.filter(pk=run_id).update(
            state=state.value,
            deadline_at=F("deadline_at") + (Now() - F("paused_at")),
            paused_at=None,
        )
        _record(run_id, "run.resumed", RunState.PAUSED, state, actor, reason)
    for child in _open_children(run_id, (RunState.PAUSED,)):
        run_resume(run_id=child, actor=actor, reason=reason)
    notify.runs_ready([run_id])
    return Run.objects.get(pk=run_id)


def run_cancel(*, run_id: UUID, actor: str, reason: str = "", rollback: bool = False) -> Run:
    """Stop a run through its scopes; with `rollback`, undo what it did, newest first.

    Raises:
        IllegalState: it has ended or is ending.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if run.state not in _CANCELLABLE:
            refuse(run, "cancel")
        before = run.state
        intent = {
            "state": RunState.CANCELLED.value,
            "error": None,
            "rollback": rollback,
            "reason": reason,
            "actor": actor,
        }
        Run.objects.filter(pk=run_id).update(
            state=RunState.CANCELLING.value, ending=intent, paused_at=None
        )
        _record(run_id, "state.changed", before, RunState.CANCELLING, actor, reason)
        root = Scope.objects.get(run_id=run_id, kind="root")
        fact = ScopeCancelled(why=reason or "the run was cancelled", actor=actor)
        InboxFact.objects.create(run_id=run_id, scope=root, fact=fact_dump(fact))
    notify.runs_ready(scopes_settle({root.pk: run_id}))
    return Run.objects.get(pk=run_id)


def run_rollback(*, run_id: UUID, actor: str, reason: str = "") -> Run:
    """Undo what an ended run did, newest first.

    Raises:
        IllegalState: it has not ended, or there is nothing to undo.
    """
    with transaction.atomic():
        run = _locked(run_id)
        if RunState(run.state) not in RUN_TERMINAL or not _has_undo(run):
            refuse(run, "rollback")
        undos = undo.undos_take(run_id, everything=True)
        before = run.state
        intent = {
            "state": before,
            "error": run.error,
            "output": run.output,
            "compensated": True,
            "reason": reason,
            "actor": actor,
        }
        Run.objects.filter(pk=run_id).update(
            state=RunState.COMPENSATING.value,
            ending=intent,
            finished_at=None,
            active=F("active") + 1,
        )
        _record(run_id, "run.reopened", before, RunState.COMPENSATING, actor, reason)
        scope = Scope.objects.create(
            run_id=run_id, kind="undo", override=undo.undo_body(undos), state="open"
        )
        InboxFact.objects.create(
            run_id=run_id, scope=scope, fact=fact_dump(ScopeOpened()), is_counted=True
        )
    notify.runs_ready(scopes_settle({scope.pk: run_id}))
    return Run.objects.get(pk=run_id)


def _record(run_id: UUID, type: str, before: str, after: RunState, actor: str, reason: str) -> None:
    event = {
        "type": type,
        "from_state": str(before),
        "to_state": after.value,
        "actor": actor,
        "why": reason,
    }
    history_append(run_id=run_id, events=[event])


def _open_children(run_id: UUID, states: tuple[RunState, ...]) -> list[UUID]:
    children = Run.objects.filter(parent_id=run_id, state__in=[state.value for state in states])
    return list(children.values_list("pk", flat=True))
