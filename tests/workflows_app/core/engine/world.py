"""An engine without a database: scopes in memory, and every choice drawn by the test.

It does what the services do with rows: keeps drafts, inboxes, timers and questions, and hands
facts to `advance()` in any order that could happen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from workflows_app.core import effects as wish
from workflows_app.core.engine.advance import advance, slot_report
from workflows_app.core.engine.draft import Draft, HistoryEvent, StepDraft
from workflows_app.core.facts import (
    BodyEnded,
    ContainerOpened,
    Decided,
    Fact,
    ScopeCancelled,
    ScopeOpened,
    StepFailed,
    StepLost,
    StepSucceeded,
    StepSuspended,
    fact_dump,
    fact_load,
)
from workflows_app.core.graph import body_key, graphs_compile
from workflows_app.core.kinds import Kind, kinds, register
from workflows_app.core.states import ScopeState, StepState, Trigger

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class _Anything(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Leaf(Kind):
    name: ClassVar[str] = "t_leaf"
    primitive: ClassVar[Any] = "call"
    settings: ClassVar[type[BaseModel]] = _Anything


class _Child(_Leaf):
    name: ClassVar[str] = "t_child"
    primitive: ClassVar[Any] = "workflow"


class _Container(Kind):
    settings: ClassVar[type[BaseModel]] = _Anything

    def bodies(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        return {"": settings["body"]}


class _Group(_Container):
    name: ClassVar[str] = "t_group"
    primitive: ClassVar[Any] = "group"


class _Map(_Container):
    name: ClassVar[str] = "t_map"
    primitive: ClassVar[Any] = "map"


class _Loop(_Container):
    name: ClassVar[str] = "t_loop"
    primitive: ClassVar[Any] = "loop"


def kinds_prepare() -> None:
    """Make the test kinds known."""
    for kind in (_Leaf(), _Child(), _Group(), _Map(), _Loop()):
        if kind.name not in kinds():
            register(kind)


@dataclass
class Place:
    """A scope with what the service keeps beside its draft."""

    draft: Draft
    parent: UUID | None
    container: UUID | None
    position: int
    inbox: list[Fact] = field(default_factory=list)


class World:
    """One run in memory."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        kinds_prepare()
        self.graphs = graphs_compile(definition)
        self.definition = definition
        self.last_id = 0
        self.generations: dict[str, int] = {}
        self.places: dict[UUID, Place] = {}
        self.timers: list[tuple[UUID, wish.StartTimer]] = []
        self.questions: dict[UUID, UUID] = {}  # step run -> scope
        self.history: list[HistoryEvent] = []
        self.degraded: list[str] = []
        self.ended: wish.ScopeEnded | None = None
        self.was_cancelled = False
        self.root = self.new_id()
        self._open(self.root, "", "", "root", None, None, 0, "")

    def new_id(self) -> UUID:
        self.last_id += 1
        return UUID(int=self.last_id)

    def _open(
        self,
        scope: UUID,
        key: str,
        path: str,
        kind: str,
        parent: UUID | None,
        container: UUID | None,
        position: int,
        slot: str,
        *,
        state: ScopeState = ScopeState.OPEN,
    ) -> None:
        draft = Draft(
            id=scope,
            run_id=UUID(int=0),
            graph=self.graphs[key],
            kind=kind,
            path=path,
            state=state,
            closing=None,
            slot=slot,
            steps={},
            new_id=self.new_id,
            now=NOW,
            container_id=container,
            generations=self.generations,
        )
        self.places[scope] = Place(draft, parent, container, position)
        if state is ScopeState.OPEN:
            self.tell(scope, ScopeOpened())

    # Telling facts

    def tell(self, scope: UUID, fact: Fact) -> bool:
        """Apply one fact, then carry out what the core wished for."""
        place = self.places[scope]
        accepted = advance(place.draft, fact)
        slot_report(place.draft)
        self._carry_out(place)
        return accepted

    def _carry_out(self, place: Place) -> None:
        draft = place.draft
        effects, draft.effects = draft.effects, []
        self.history += draft.history
        draft.history = []
        for effect in effects:
            self._handle(place, effect)
        draft.has_asked = draft.slot == "queued"

    def _handle(self, place: Place, effect: wish.Effect) -> None:
        match effect:
            case wish.OpenScopes():
                self._open_scopes(place, effect)
            case wish.OpenPending():
                waiting = self._scopes_of(effect.container, ScopeState.PENDING)
                for one in waiting[: effect.count]:
                    one.draft.state, one.draft.slot = ScopeState.OPEN, "held"
                    self.tell(one.draft.id, ScopeOpened())
            case wish.DropPending():
                for one in self._scopes_of(effect.container, ScopeState.PENDING):
                    one.draft.state = ScopeState.ENDED
            case wish.CancelScopes():
                for state in (ScopeState.OPEN, ScopeState.CLOSING):
                    for one in self._scopes_of(effect.container, state):
                        one.inbox.append(ScopeCancelled(why=effect.why))
            case wish.TellParent():
                assert place.parent is not None
                self.places[place.parent].inbox.append(_over_the_wire(effect.fact))
            case wish.TellScope():
                self.places[effect.scope].inbox.append(_over_the_wire(effect.fact))
            case wish.ScopeEnded():
                self._scope_ended(place, effect)
            case wish.StartTimer():
                self.timers.append((place.draft.id, effect))
            case wish.DropTimers():
                self.timers = [
                    (scope, timer)
                    for scope, timer in self.timers
                    if timer.step_run != effect.step_run
                    or (effect.name is not None and timer.name != effect.name)
                ]
            case wish.AskPeople():
                self.questions[effect.step_run] = place.draft.id
            case wish.WithdrawApproval():
                self.questions.pop(effect.step_run_id, None)
            case wish.Degraded():
                self.degraded.append(effect.path)

    def _open_scopes(self, place: Place, effect: wish.OpenScopes) -> None:
        for offset in range(len(effect.values)):
            position = effect.first + offset
            is_group = effect.kind == "group"
            self._open(
                self.new_id(),
                effect.body,
                effect.path if is_group else f"{effect.path}[{position}]",
                effect.kind,
                place.draft.id,
                effect.container,
                position,
                effect.slot if offset < effect.opened else "",
                state=ScopeState.OPEN if offset < effect.opened else ScopeState.PENDING,
            )

    def _scopes_of(self, container: UUID, state: ScopeState) -> list[Place]:
        found = [
            one
            for one in self.places.values()
            if one.container == container and one.draft.state is state
        ]
        return sorted(found, key=lambda one: one.position)

    def _scope_ended(self, place: Place, effect: wish.ScopeEnded) -> None:
        if place.parent is None:
            assert self.ended is None, "the run ended twice"
            self.ended = effect
            return
        assert place.container is not None
        fact = BodyEnded(
            step_run=place.container,
            scope=place.draft.id,
            position=place.position,
            outcome=effect.outcome,
            error=effect.error,
            is_cancelled=effect.is_cancelled,
            had_slot=place.draft.slot == "held",
            awaited_slot=place.draft.slot == "queued" and place.draft.has_asked,
        )
        self.places[place.parent].inbox.append(fact)

    # What may happen next

    def steps(self, state: StepState) -> list[tuple[Place, StepDraft]]:
        """Give all step runs in this state, with their scopes."""
        return [
            (place, status)
            for place in self.places.values()
            for status in place.draft.steps.values()
            if status.state is state
        ]

    def claimable(self) -> list[tuple[Place, StepDraft]]:
        return [pair for pair in self.steps(StepState.READY) if not pair[1].is_held]

    def running(self) -> list[tuple[Place, StepDraft]]:
        return [pair for pair in self.steps(StepState.RUNNING) if not pair[1].is_container]

    def claim(self, place: Place, status: StepDraft) -> None:
        """What the claim statement does: no lock of the scope, one move of the row."""
        place.draft.move(status, Trigger.CLAIM)
        status.attempt += 1
        status.token = self.new_id()
        status.is_announced = False
        status.started_at = NOW

    def moves(self) -> list[Callable[[str], None]]:
        """Give everything that could happen now; each takes a drawn outcome."""
        found: list[Callable[[str], None]] = []
        for place, status in self.claimable():
            found.append(lambda _o, p=place, s=status: self.claim(p, s))
        for place, status in self.running():
            found.append(lambda o, p=place, s=status: self.answer(p, s, o))
        for place in self.places.values():
            if place.inbox:
                found.append(lambda _o, p=place: self.deliver(p))
        for scope, timer in self.timers:
            found.append(lambda _o, s=scope, t=timer: self.fire(s, t))
        for step_run, scope in self.questions.items():
            found.append(lambda o, r=step_run, s=scope: self.decide(r, s, o))
        return found

    def deliver(self, place: Place) -> None:
        fact = place.inbox.pop(0)
        if isinstance(fact, BodyEnded):
            fact = self._following(place, fact)
        self.tell(place.draft.id, fact)

    def _following(self, place: Place, fact: BodyEnded) -> BodyEnded:
        status = place.draft.by_id.get(fact.step_run)
        if status is None or status.progress is None:
            return fact
        if place.draft.node(status).kind.primitive != "loop":
            return fact
        rounds = int(place.draft.node(status).settings["rounds"])
        following = {"next": {}} if fact.position + 1 < rounds else {"port": "done"}
        return BodyEnded(
            **{
                **{name: getattr(fact, name) for name in fact.__slots__},
                "following": following,
            }
        )

    def fire(self, scope: UUID, timer: wish.StartTimer) -> None:
        self.timers.remove((scope, timer))
        self.tell(scope, _over_the_wire(timer.fact))

    def decide(self, step_run: UUID, scope: UUID, outcome: str) -> None:
        del self.questions[step_run]
        status = self.places[scope].draft.by_id[step_run]
        answer = {"fail": "rejected", "lost": "expired"}.get(outcome, "approved")
        self.tell(
            scope,
            Decided(step_run=step_run, generation=status.generation, outcome=answer, digest="d"),
        )

    def answer(self, place: Place, status: StepDraft, outcome: str) -> None:
        """A worker says what came of its claim."""
        node = place.draft.node(status)
        common: dict[str, Any] = {"step_run": status.id, "token": status.token}
        if node.kind.primitive in ("group", "map", "loop"):
            self._open_container(place, status, common)
        elif outcome == "lost":
            self.tell(
                place.draft.id,
                StepLost(step_run=status.id, token=status.token, is_idempotent=True),
            )
        elif outcome == "fail":
            self.tell(place.draft.id, StepFailed(**common, code="boom", message="boom"))
        elif outcome == "retry":
            self.tell(
                place.draft.id,
                StepFailed(**common, code="flaky", message="flaky", retryable=True),
            )
        elif outcome == "ask" and status.approved_digest is None:
            self.tell(
                place.draft.id, StepSuspended(**common, reason="approval", digest="d", request={})
            )
        elif outcome == "effect":
            status.effect = "irreversible"
            self.tell(place.draft.id, StepSucceeded(**common, output=1, effect="irreversible"))
        elif outcome == "undoable":
            status.effect = "reversible"
            undo = {"tool": "reverse", "arguments": {"id": 1}}
            fact = StepSucceeded(**common, output=1, effect="reversible", undo=undo)
            self.tell(place.draft.id, fact)
        else:
            self.tell(place.draft.id, StepSucceeded(**common, output=1))

    def _open_container(self, place: Place, status: StepDraft, common: dict[str, Any]) -> None:
        node = place.draft.node(status)
        key = body_key(place.draft.graph.key, status.step)
        settings = node.settings
        kind = {"group": "group", "map": "item", "loop": "iteration"}[str(node.kind.primitive)]
        count = int(settings.get("count", 1)) if kind == "item" else 1
        self.tell(
            place.draft.id,
            ContainerOpened(
                **common,
                body=key,
                values=tuple({} for _ in range(count)),
                scope_kind=kind,
                concurrency=int(settings.get("concurrency", 1)),
                progress={"failures": settings.get("failures", 0), "body": key, "limit": 9},
            ),
        )

    def cancel(self) -> None:
        """Somebody cancels the run."""
        self.was_cancelled = True
        if self.places[self.root].draft.state is ScopeState.OPEN:
            self.tell(self.root, ScopeCancelled(why="cancelled"))


def _over_the_wire(fact: Fact) -> Fact:
    """A fact that waits in a row comes back as it was."""
    return fact_load(fact_dump(fact))
