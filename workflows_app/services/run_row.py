"""What a transaction means for the run row: its state, its numbers, its history."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows_app.core.engine.draft import HistoryEvent
from workflows_app.core.states import RUN_TERMINAL, RunState
from workflows_app.models.fields import json_dump
from workflows_app.services.batch import RunChange, RunEnd
from workflows_app.services.context import RunContext
from workflows_app.services.rows import RunRow, event_row, record, text

JSON = Any
DEGRADED_SHOWN = 1_000  # entries kept on the run; the history has them all


@dataclass(slots=True, kw_only=True)
class RunFollow:
    """The new state of a run row, with the history that says so."""

    run_id: UUID
    run: RunRow
    state: RunState
    history: list[HistoryEvent]
    row: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    end: RunEnd | None = None
    has_ended: bool = False
    reopens: bool = False
    output: JSON = None
    error: JSON = None
    active: int = 0
    ending: JSON = None
    degraded: list[JSON] = field(default_factory=list)
    supersedes: bool = False
    steps: int = 0
    usage: tuple[int, int, float] = (0, 0, 0.0)
    sequence: int = 0
    usage_after: tuple[int, int, float] = (0, 0, 0.0)

    def record(
        self,
        type: str,
        to: RunState,
        *,
        actor: str = "engine",
        why: str = "",
        data: JSON = None,
        at: datetime | None = None,
    ) -> None:
        """Move the run to another state and write it down."""
        self.history.append(
            HistoryEvent(
                type=type,
                from_state=self.state.value,
                to_state=to.value,
                actor=actor,
                why=why,
                data=data,
                at=at,
            )
        )
        self.state = to

    def seal(self) -> None:
        """Number the events and give the row that is written back."""
        sequence = self.run.sequence
        for event in self.history:
            sequence += 1
            self.events.append(event_row(self.run_id, sequence, event))
        self.sequence = sequence
        tokens_in, tokens_out, cost = self.run.usage
        self.usage_after = (
            tokens_in + self.usage[0],
            tokens_out + self.usage[1],
            cost + self.usage[2],
        )
        has_result = self.has_ended or self.reopens
        self.row = record(
            id=str(self.run_id),
            version=self.run.version,
            state=self.state.value,
            sequence=sequence,
            active=self.active,
            step_count=self.run.step_count + self.steps,
            ending=text(self.ending),
            degraded=json_dump(self.degraded[:DEGRADED_SHOWN]) if self.degraded else None,
            has_superseded=self.run.has_superseded or self.supersedes,
            started_at=self.run.started_at.isoformat() if self.run.started_at else None,
            has_ended=self.has_ended,
            reopens=self.reopens,
            output=text(self.output),
            has_result=has_result,
            error=text(self.error),
            input_tokens=self.usage_after[0],
            output_tokens=self.usage_after[1],
            cost_usd=self.usage_after[2],
        )

    def after(self, version: str | None) -> RunRow:
        """Give the run's row as this transaction left it."""
        return replace(
            self.run,
            state=self.state.value,
            sequence=self.sequence,
            active=self.active,
            step_count=self.run.step_count + self.steps,
            ending=self.ending,
            degraded=self.degraded[:DEGRADED_SHOWN],
            has_superseded=self.run.has_superseded or self.supersedes,
            usage=self.usage_after,
            version=version,
        )


def _roll_back(follow: RunFollow, intent: JSON) -> None:
    """An ended run undoes what it did; one that does so already only has somebody to tell."""
    if follow.state is RunState.COMPENSATING:
        follow.ending = {**(follow.ending or {}), **intent}
        return
    follow.reopens = True
    follow.output, follow.error, follow.ending = intent["output"], intent["error"], intent
    follow.record(
        "run.reopened", RunState.COMPENSATING, actor=intent["actor"], why=intent["reason"]
    )


def run_follow(run: RunRow, change: RunChange, context: RunContext, now: datetime) -> RunFollow:
    """Tell how a run stands after a transaction; its end is decided by the caller."""
    follow = RunFollow(
        run_id=run.id,
        run=run,
        state=RunState(run.state),
        history=[],
        end=change.end,
        active=run.active + change.active,
        ending=run.ending,
        degraded=_degraded(run.degraded or [], change),
        supersedes=change.supersedes,
        steps=change.steps,
        usage=(
            sum(usage[0] for usage in change.usage),
            sum(usage[1] for usage in change.usage),
            sum(usage[2] for usage in change.usage),
        ),
    )
    if change.reopen is not None:
        follow.reopens = follow.state in RUN_TERMINAL
        follow.ending = None
        if follow.reopens:
            actor, why = change.reopen["actor"], change.reopen["why"]
            follow.record("run.reopened", RunState.RUNNING, actor=actor, why=why)
    if change.rollback is not None:
        _roll_back(follow, change.rollback)
    has_begun = any(
        event.type in ("step.started", "step.waiting", "step.ended") for event in change.history
    )
    if run.started_at is None and has_begun:
        run.started_at = min(
            (event.at for event in change.history if event.type == "step.started" and event.at),
            default=now,
        )
        if follow.state is RunState.QUEUED:
            follow.record("run.started", RunState.RUNNING, at=run.started_at)
    follow.history += change.history
    if change.end is None and follow.state not in RUN_TERMINAL:
        if follow.state is RunState.RUNNING and follow.active <= 0:
            follow.record("run.waiting", RunState.WAITING)
        elif follow.state is RunState.WAITING and follow.active > 0:
            follow.record("run.resumed", RunState.RUNNING)
    return follow


def _degraded(known: list[JSON], change: RunChange) -> list[JSON]:
    """Give what the run goes on without; what is run again is not among it."""
    again = change.superseded
    kept = [one for one in known if not any(_is_at(one["path"], path) for path in again)]
    return [*kept, *change.degraded]


def _is_at(path: str, place: str) -> bool:
    """Tell whether a path is that of a step, or lies in its bodies."""
    return path == place or path.startswith((f"{place}.", f"{place}["))
