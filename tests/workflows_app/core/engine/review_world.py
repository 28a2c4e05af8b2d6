"""The world in memory with reviews after the act: what was done, and what of it is undone."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from tests.workflows_app.core.engine.world import Place, World
from workflows_app.core import effects as wish
from workflows_app.core.engine.draft import StepDraft
from workflows_app.core.facts import StepSucceeded, UndosEnded
from workflows_app.core.states import StepState

UNDO = {"tool": "reverse", "arguments": {"id": 1}}


class ReviewWorld(World):
    """Every leaf that ends well has acted; one with a `review` is looked at afterwards."""

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.acts: dict[UUID, tuple[str, int]] = {}  # step run -> path, generation
        self.undone: list[UUID] = []
        self.undoing: dict[UUID, tuple[UUID, list[UUID]]] = {}  # container -> scope, step runs
        super().__init__(definition)

    def answer(self, place: Place, status: StepDraft, outcome: str) -> None:
        node = place.draft.node(status)
        if node.kind.primitive != "call" or outcome not in ("ok", "effect"):
            super().answer(place, status, outcome)
            return
        for act, (path, generation) in self.acts.items():
            before = path == status.path and generation < status.generation
            assert not before or act in self.undone, f"{path} acts again, and was not undone"
        self.acts[status.id] = (status.path, status.generation)
        review = node.spec.get("review")
        asked = {
            "mode": (review or {}).get("mode"),
            "settings": {},
            "action": {},
            "digest": "d",
            "why": "all",
        }
        fact = StepSucceeded(
            step_run=status.id,
            token=status.token,  # type: ignore[arg-type]
            output=1,
            effect="reversible",
            undo=UNDO,
            review=asked if review else None,
        )
        self.tell(place.draft.id, fact)

    def claim(self, place: Place, status: StepDraft) -> None:
        super().claim(place, status)
        if place.draft.node(status).kind.primitive == "call":
            status.effect = "reversible"

    def _handle(self, place: Place, effect: wish.Effect) -> None:
        if not isinstance(effect, wish.UndoSteps):
            super()._handle(place, effect)
            return
        inside = self._inside(effect.steps)
        assert not [
            one.path
            for held in inside
            for one in held.draft.steps.values()
            if one.state is StepState.RUNNING
        ], "something still goes on in what is undone"
        names = {*effect.steps, *(key for held in inside for key in held.draft.by_id)}
        found = [act for act in self.acts if act in names and act not in self.undone]
        found = [
            act for act in found if not any(act in taken for _, taken in self.undoing.values())
        ]
        self.undoing[effect.container] = (place.draft.id, found)

    def _inside(self, steps: tuple[UUID, ...]) -> list[Place]:
        """Give the scopes in the bodies of these step runs, at any depth."""
        found: list[Place] = []
        names = set(steps)
        while more := [
            place
            for place in self.places.values()
            if place.container in names and place not in found
        ]:
            found += more
            names |= {key for place in more for key in place.draft.by_id}
        return found

    def moves(self) -> list[Callable[[str], None]]:
        undos = [lambda _o, c=container: self._undo(c) for container in self.undoing]
        return [*super().moves(), *undos]

    def _undo(self, container: UUID) -> None:
        """One more undo of a step that is taken back; after the last one it goes on."""
        scope, left = self.undoing[container]
        if left:
            self.undone.append(left.pop())
        else:
            del self.undoing[container]
            is_undone = container in self.undone
            self.tell(scope, UndosEnded(step_run=container, is_undone=is_undone))

    def standing(self) -> set[UUID]:
        """Give the step runs of the present generations, in bodies that are of them too."""
        current = {
            status.id: place
            for place in self.places.values()
            for status in place.draft.steps.values()
        }

        def stands(step_run: UUID | None) -> bool:
            place = current.get(step_run) if step_run else None
            return step_run is None or (place is not None and stands(place.container))

        return {step_run for step_run in current if stands(step_run)}
