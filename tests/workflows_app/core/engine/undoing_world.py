"""A world in which steps are taken back: undos, newest first, in scopes of their own."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tests.workflows_app.core.engine.rich_world import RichWorld
from tests.workflows_app.core.engine.world import Place
from workflows_app.core import effects as wish
from workflows_app.core.engine import revert
from workflows_app.core.engine.draft import REVERT, Draft, HistoryEvent, StepDraft
from workflows_app.core.facts import Fact, ScopeOpened, UndosEnded
from workflows_app.core.graph import Graph
from workflows_app.core.states import STEP_TRANSITIONS, ScopeState, StepState, Trigger


class _Generations(dict[str, int]):
    """The next generation of a path: one more than any that its run has had."""

    def __init__(self, world: "UndoingWorld") -> None:
        super().__init__()
        self.world = world

    def get(self, path: str, default: Any = 0) -> int:
        had = [
            status.generation
            for place in self.world.places.values()
            for status in place.draft.by_id.values()
            if status.path == path
        ]
        return max(had) + 1 if had else 0


@dataclass
class Undo:
    """What reverses a step that acted."""

    status: StepDraft
    ordinal: int
    state: str = "armed"  # running, done, skipped


class UndoingWorld(RichWorld):
    """One run in memory, with what reverses its steps."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.undos: dict[UUID, Undo] = {}
        self.undone: list[tuple[int, UUID]] = []  # (undo scope, step run) in the order it happened
        self.rolls_back = False
        self.intent: wish.ScopeEnded | None = None  # how it ends once its undos have run
        self.told: tuple[UUID, Fact] | None = None
        self.within = 0
        self.later: list[tuple[UUID, Fact]] = []
        super().__init__(definition)

    def _open(self, *given: Any, **more: Any) -> None:
        if not isinstance(self.generations, _Generations):
            self.generations = _Generations(self)
        super()._open(*given, **more)

    def tell(self, scope: UUID, fact: Fact) -> bool:
        if not self.within:
            self.told = (scope, fact)
        self.within += 1
        try:
            accepted = super().tell(scope, fact)
            while self.later and self.within == 1:  # in this transaction, once all else is done
                super().tell(*self.later.pop(0))
            return accepted
        finally:
            self.within -= 1

    # What the services keep beside the core

    def _carry_out(self, place: Place) -> None:
        for status in (*place.draft.steps.values(), *place.draft.superseded):
            if status.undo is not None and status.has_output:
                self.undos[status.id] = Undo(status, len(self.undos))
                status.undo = None
        if place.draft.kind == "undo":
            self._undos_settle(place)
        super()._carry_out(place)

    def _handle(self, place: Place, effect: wish.Effect) -> None:
        if isinstance(effect, wish.UndoSteps):
            self._undo(place, effect)
        else:
            super()._handle(place, effect)

    def _scope_ended(self, place: Place, effect: wish.ScopeEnded) -> None:
        assert not place.draft.reverting, "a scope ends while something in it is taken back"
        if place.draft.kind == "undo":
            self._undos_over(place)
        elif place.parent is not None:
            super()._scope_ended(place, effect)
        else:
            assert self.intent is None, "the run ended twice"
            self.intent = effect
            is_bad = effect.error is not None and self.definition.get("on_failure") == "compensate"
            undos = self._armed() if self.rolls_back or is_bad else []
            if undos:
                self._open_undo(undos, None, None)
            else:
                self._end(effect)

    def _end(self, effect: wish.ScopeEnded) -> None:
        self.ended = effect

    # Undoing

    def _armed(self) -> list[Undo]:
        found = [undo for undo in self.undos.values() if undo.state == "armed"]
        return sorted(found, key=lambda undo: undo.ordinal, reverse=True)

    def _undo(self, place: Place, effect: wish.UndoSteps) -> None:
        status = place.draft.by_id[effect.container]
        inside = self._inside(set(effect.steps))
        undos = [undo for undo in self._armed() if undo.status.id in inside]
        if not undos:
            self.later.append((place.draft.id, UndosEnded(step_run=effect.container)))
            return
        revert.told(place.draft, status, [undo.status.path for undo in undos])
        self.history += place.draft.history
        place.draft.history = []
        self._open_undo(undos, place.draft.id, effect.container)

    def _inside(self, steps: set[UUID]) -> set[UUID]:
        """Give these step runs with all in their bodies."""
        found, more = set(steps), True
        while more:
            inner = {
                status.id
                for place in self.places.values()
                if place.container in found and place.draft.kind != "undo"
                for status in place.draft.by_id.values()
            }
            more = not inner <= found
            found |= inner
        return found

    def _open_undo(self, undos: list[Undo], parent: UUID | None, container: UUID | None) -> None:
        names: list[str] = []
        steps = []
        for number, undo in enumerate(undos):
            undo.state = "running"
            status = undo.status
            if status.id != container and (status.state, Trigger.UNDO) in STEP_TRANSITIONS:
                status.state = StepState.COMPENSATING
            path = f"{status.path}.undo"
            name = path if path not in names else f"undo {number}"
            names.append(name)
            undoes = {"path": path, "undoes": str(status.id), "rendered": True}
            steps.append({"id": name, "kind": "t_leaf", "with": {}, **undoes})
        edges = [{"from": one, "port": "done", "to": two} for one, two in itertools.pairwise(names)]
        draft = Draft(
            id=self.new_id(),
            run_id=UUID(int=0),
            graph=Graph("", {"steps": steps, "edges": edges}),
            kind="undo",
            path="",
            state=ScopeState.OPEN,
            closing=None,
            slot="",
            steps={},
            new_id=self.new_id,
            now=self.places[self.root].draft.now,
            container_id=container,
            generations=self.generations,
        )
        self.places[draft.id] = Place(draft, parent, container, 0)
        self.tell(draft.id, ScopeOpened())

    def _undos_settle(self, place: Place) -> None:
        """Mark what an undo scope has undone, or what a person passed over."""
        for status in place.draft.steps.values():
            undo = self.undos[UUID(place.draft.node(status).spec["undoes"])]
            if undo.state != "running" or status.is_open:
                continue
            is_undone = status.state is StepState.SUCCEEDED
            undo.state = "done" if is_undone else "skipped"
            self.undone.append((place.draft.id.int, undo.status.id))
            original = undo.status
            was_cancelled = (original.progress or {}).get(REVERT, {}).get("is_cancelled")
            stays = StepState.CANCELLED if was_cancelled else StepState.SUCCEEDED
            after = StepState.COMPENSATED if is_undone else stays
            if original.id != place.container and original.state is StepState.COMPENSATING:
                original.state = after
            place.draft.history.append(
                HistoryEvent(
                    type="step.undone" if is_undone else "state.changed",
                    path=original.path,
                    generation=original.generation,
                    from_state="compensating",
                    to_state=str(after),
                )
            )

    def _undos_over(self, place: Place) -> None:
        if place.parent is None:
            assert self.intent is not None
            self._end(self.intent)
            return
        assert place.container is not None
        own = self.undos.get(place.container)
        is_undone = own is not None and own.state == "done"
        fact = UndosEnded(step_run=place.container, is_undone=is_undone)
        self.places[place.parent].inbox.append(fact)
