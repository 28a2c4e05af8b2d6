"""The working copy of one scope while facts are applied to it, and what came of it.

The service loads a `Draft` from rows under the scope's lock, `advance()` changes it, and the
service writes back what changed. Nothing here reads a clock or a database.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from workflows_app.core.effects import CloseWaits, DropTimers, Effect, WithdrawApproval
from workflows_app.core.engine.record import HistoryEvent
from workflows_app.core.graph import Graph, Node
from workflows_app.core.states import (
    STEP_ENDED,
    STEP_OPEN,
    ScopeState,
    StepState,
    Trigger,
    WaitReason,
    next_state,
)

JSON = Any
_ASKS = (WaitReason.APPROVAL, WaitReason.REVIEW, WaitReason.CHECKPOINT, WaitReason.BUDGET)
UNKNOWN = "unknown"  # in a step's progress: what came of an earlier attempt
ENDED = "ended_by"  # in a step's progress: its body ended through this port, a review is to come
PORT = "port"  # in a step's progress: where it goes on once its review confirms it
REVERT = "revert"  # in a step's progress: it is being taken back, and what becomes of it then
GATE = "gate"  # in what a step waits for: people decide whether it may act at all
TOLD = "told"  # in a step's progress: who or what ended what it waited for
REWORKED = "reworked"  # in a step's progress: how often a review sent it back
TRIED = "tried"  # in a container's progress: which try of it this is, where it is not the first
CLOCKS = "clocks"  # in its progress too: when its times are over, in all its tries together
LASTING = (REWORKED, TRIED, CLOCKS)  # of a container's progress: what its opening leaves alone
MORE = "+more"  # the subscription of a map that takes more items; no port can be called so


@dataclass(slots=True, kw_only=True)
class StepDraft:
    """One step run of the scope; pending steps have none."""

    id: UUID
    step: str
    path: str
    generation: int = 0
    state: StepState = StepState.READY
    port: str | None = None
    attempt: int = 0
    token: UUID | None = None
    reason: str | None = None
    is_container: bool = False
    is_cancelling: bool = False
    is_degraded: bool = False
    is_held: bool = False
    is_announced: bool = False
    effect: str = "none"
    approved_digest: str | None = None
    waiting: JSON = None
    progress: JSON = None
    started_at: datetime | None = None
    # What is to be written back, beyond the columns above.
    is_new: bool = False
    is_changed: bool = False
    is_superseded: bool = False
    finished_at: datetime | None = None
    input: JSON = None
    has_input: bool = False
    output: JSON = None
    has_output: bool = False
    error: JSON = None
    has_error: bool = False
    feedback: JSON = None
    has_feedback: bool = False
    usage: tuple[int, int, float] = (0, 0, 0.0)
    undo: JSON = None  # what reverses it, completed by its output
    attempts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.state in STEP_OPEN

    @property
    def holds_nothing(self) -> bool:
        """It is a map that waits for more items, and all that came have ended."""
        progress = self.progress or {}
        return bool(progress.get("is_open")) and progress["ended"] == progress["opened"]

    @property
    def lasting(self) -> dict[str, Any]:
        """What a container remembers beyond the opening of its body."""
        known = self.progress or {}
        return {name: known[name] for name in LASTING if name in known}

    @property
    def is_settled(self) -> bool:
        """Its edges are decided: it ended, or it goes on provisionally while reviewed."""
        if self.state is StepState.COMPENSATING and self.is_undecided:
            return False
        return self.state in STEP_ENDED or self.port is not None

    @property
    def is_gated(self) -> bool:
        """It waits for the answer that lets it act, not for what it is there to ask."""
        return bool((self.waiting or {}).get(GATE))

    @property
    def may_have_acted(self) -> bool:
        """An earlier attempt of it never answered."""
        return bool((self.progress or {}).get(UNKNOWN))

    @property
    def is_undecided(self) -> bool:
        """It is being taken back, and only then takes a port."""
        return bool(self.progress) and self.progress.get(REVERT, {}).get("then", "settled") != (
            "settled"
        )

    @property
    def is_provisional(self) -> bool:
        """It has acted and gone on, and people still look at it."""
        return self.reason == WaitReason.REVIEW.value and self.port is not None

    @property
    def is_unconfirmed(self) -> bool:
        """It has acted, or its body has, and what it gave is held while people look at it."""
        progress = self.progress or {}
        return ENDED in progress or (self.reason == WaitReason.REVIEW.value and PORT in progress)

    @property
    def is_active(self) -> bool:
        """It has work for a worker: ready (with a slot), or a leaf that runs."""
        if self.state is StepState.READY:
            return not self.is_held
        return self.state is StepState.RUNNING and not self.is_container


@dataclass(slots=True, kw_only=True)
class Draft:
    """A scope being advanced."""

    id: UUID
    run_id: UUID
    graph: Graph
    kind: str
    path: str
    state: ScopeState
    closing: JSON
    slot: str
    steps: dict[str, StepDraft]
    new_id: Any  # callable giving identifiers, so that the core draws none itself
    now: datetime
    container_id: UUID | None = None
    generations: dict[str, int] = field(default_factory=dict)  # next generation by path
    effects: list[Effect] = field(default_factory=list)
    history: list[HistoryEvent] = field(default_factory=list)
    by_id: dict[UUID, StepDraft] = field(default_factory=dict)
    superseded: list[StepDraft] = field(default_factory=list)
    is_changed: bool = False
    override: JSON = None  # the body, where this run changed it
    has_ended: bool = False
    has_asked: bool = False  # for a slot; a scope that was queued before has asked already
    reverting: dict[str, StepDraft] = field(default_factory=dict)  # steps being taken back
    blocked: frozenset[str] = frozenset()  # what follows those: it starts once they are settled

    def __post_init__(self) -> None:
        self.by_id = {status.id: status for status in self.steps.values()}
        self.has_asked = self.slot == "queued"
        for status in self.steps.values():
            if status.state is StepState.COMPENSATING and REVERT in (status.progress or {}):
                self.reverting[status.step] = status
        if self.reverting:
            self.block()

    def block(self) -> None:
        """Find what must not start while steps are taken back that had gone on already."""
        self.blocked = frozenset(
            name
            for status in self.reverting.values()
            if status.progress[REVERT].get("went_on")
            for name in self.graph.after(status.step)
        )

    @property
    def inner_slot(self) -> str:
        """What a scope inside this one has of a slot: those under a map report idleness."""
        return "inner" if self.slot else ""

    def node(self, status: StepDraft) -> Node:
        """Give the step's definition."""
        return self.graph.nodes[status.step]

    def step_path(self, step: str) -> str:
        if self.kind == "undo":  # beside what it undoes, wherever that was
            return str(self.graph.nodes[step].spec.get("path", step))
        return f"{self.path}.{step}" if self.path else step

    def add(self, step: str) -> StepDraft:
        """Give a step its row, ready; the caller moves it on if it is anything else."""
        path = self.step_path(step)
        generation = self.generations.get(path, 0)
        if self.kind == "undo":  # one chain may undo several generations of a path
            self.generations[path] = generation + 1
        status = StepDraft(
            id=self.new_id(),
            step=step,
            path=path,
            generation=generation,
            is_new=True,
            is_changed=True,
        )
        self.steps[step] = status
        self.by_id[status.id] = status
        return status

    def record(
        self,
        type: str,
        status: StepDraft,
        source: str,
        *,
        trigger: str = "",
        actor: str = "engine",
        why: str = "",
        data: JSON = None,
        at: datetime | None = None,
    ) -> None:
        """Write one history event about a step."""
        self.history.append(
            HistoryEvent(
                type=type,
                path=status.path,
                generation=status.generation,
                from_state=source,
                to_state=str(status.state),
                trigger=trigger,
                actor=actor,
                why=why,
                data=data,
                at=at,
            )
        )

    def move(self, status: StepDraft, trigger: Trigger) -> str:
        """Change a step's state by the table; give the state it left."""
        source, reason = status.state, status.reason
        status.state = next_state(source, trigger)
        status.is_changed = True
        if status.state is not StepState.RUNNING:
            status.token = None
        if status.state is not StepState.WAITING:
            status.reason = None
            status.waiting = None
        if source is StepState.WAITING and status.state is not StepState.WAITING:
            self.effects.append(DropTimers(step_run=status.id, name="wait"))
            if reason == WaitReason.EVENT:
                self.effects.append(CloseWaits(step_run=status.id))
        return str(source)

    def ready(
        self, status: StepDraft, *, source: str = "", why: str = "", actor: str = "engine"
    ) -> None:
        """Announce that a worker may take the step; hold it back if its item has no slot."""
        status.is_changed = True
        status.is_held = self.slot in ("released", "queued")
        self.record("step.ready", status, source, why=why, actor=actor)
        if self.slot == "released":
            self.slot = "queued"
            self.is_changed = True

    def take_back(self, status: StepDraft, revert: JSON) -> None:
        """Note that what a step did is to be undone, and what becomes of it then (`revert.py`)."""
        revert["from"] = self.move(status, Trigger.UNDO)
        status.progress = {**(status.progress or {}), REVERT: revert}
        status.is_container = status.is_cancelling = False
        self.reverting[status.step] = status

    def drop_waits(self, status: StepDraft, why: str) -> None:
        """Withdraw what a waiting step has asked of people and clocks."""
        if status.reason in _ASKS:
            self.effects.append(WithdrawApproval(step_run_id=status.id, why=why, now=self.now))

    def timers_drop(self, status: StepDraft) -> None:
        """Drop the timers that a step may have beside the one it waits for."""
        spec = self.node(status).spec
        if spec.get("until") or spec.get("timeout"):
            self.effects.append(DropTimers(step_run=status.id))
        has_more = bool((status.progress or {}).get("more"))
        if has_more or any(arm.get("event") for arm in spec.get("until") or ()):
            self.effects.append(CloseWaits(step_run=status.id))
        if has_more:
            self.effects.append(DropTimers(step_run=status.id, name="more"))

    def body_timers_drop(self, status: StepDraft) -> None:
        """Drop what only the body of a step needed; the arms of its `until` stay."""
        if self.node(status).spec.get("timeout"):
            self.effects.append(DropTimers(step_run=status.id, name="timeout"))
        if (status.progress or {}).get("more"):
            self.effects.append(CloseWaits(step_run=status.id, port=MORE))
            self.effects.append(DropTimers(step_run=status.id, name="more"))
