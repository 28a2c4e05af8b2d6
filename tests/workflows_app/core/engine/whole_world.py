"""A world with all of it: undos, reviews after and beside, child runs, people, crashes.

Each run of it is a `World`; a child run is another one, and what they tell each other waits like
everything else for its turn.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from tests.workflows_app.core.engine.undoing_world import UndoingWorld
from tests.workflows_app.core.engine.whole_drawing import whole_body
from tests.workflows_app.core.engine.world import Place
from workflows_app.core import effects as wish
from workflows_app.core.engine import flow
from workflows_app.core.engine.draft import ENDED, StepDraft
from workflows_app.core.engine.supersede import restart_from
from workflows_app.core.facts import (
    ChildRunEnded,
    Decided,
    Fact,
    ScopeCancelled,
    StepFailed,
    StepGivenUp,
    StepLost,
    StepPassed,
    StepSkipped,
    StepSucceeded,
    StepSuspended,
    UndosEnded,
    WorkerFact,
)
from workflows_app.core.states import ScopeState, StepState

ONCE = (WorkerFact, StepLost, Decided, ChildRunEnded, UndosEnded)
REVIEW = {"settings": {}, "action": {}, "digest": "d", "why": "looked at afterwards"}
DEEPEST = 3  # child runs inside child runs


@dataclass
class Asked:
    """The step that a child run reports to."""

    parent: "WholeWorld"
    scope: UUID
    step_run: UUID
    generation: int


class WholeWorld(UndoingWorld):
    """One run; `chance` draws the workflows of its child runs."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        chance: Random,
        *,
        depth: int = 0,
        asked: "Asked | None" = None,
    ) -> None:
        self.chance, self.depth, self.asked = chance, depth, asked
        self.children: dict[UUID, WholeWorld] = {}
        super().__init__(definition)

    def _handle(self, place: Place, effect: wish.Effect) -> None:
        match effect:
            case wish.StartChild():
                self._start_child(place, effect)
            case wish.CancelChild():
                child = self.children[effect.step_run]
                child.cancel_later(effect.why)
            case _:
                super()._handle(place, effect)

    def _end(self, effect: wish.ScopeEnded) -> None:
        super()._end(effect)
        if self.asked is not None:
            state = "cancelled" if effect.is_cancelled else "succeeded"
            state = "failed" if effect.error is not None else state
            fact = ChildRunEnded(
                step_run=self.asked.step_run,
                generation=self.asked.generation,
                run=self.asked.step_run,
                state=state,
                error=effect.error,
            )
            self.asked.parent.places[self.asked.scope].inbox.append(fact)

    # Child runs

    def _start_child(self, place: Place, effect: wish.StartChild) -> None:
        asked = Asked(self, place.draft.id, effect.step_run, effect.generation)
        drawn = whole_body(self.chance, self.depth + 2)
        child = WholeWorld(drawn, self.chance, depth=self.depth + 1, asked=asked)
        self.children[effect.step_run] = child

    def cancel_later(self, why: str) -> None:
        """Leave the cancel for the root of this run."""
        if self.ended is None:
            self.was_cancelled = True
            self.places[self.root].inbox.append(ScopeCancelled(why=why))

    # What may happen next

    def moves(self) -> list[Callable[[str], None]]:
        found = super().moves()
        for place, status in self.steps(StepState.WAITING):
            if status.reason == "incident" and not status.is_superseded:
                found.append(lambda o, p=place, s=status: self.settle(p, s, o))
        for child in self.children.values():
            found += child.moves()
        return found

    def claimable(self) -> list[tuple[Place, StepDraft]]:
        return super().claimable() if self.ended is None else []

    def steps(self, state: StepState) -> list[tuple[Place, StepDraft]]:
        return [pair for pair in super().steps(state) if not pair[1].is_superseded]

    def claim(self, place: Place, status: StepDraft) -> None:
        assert place.draft.state is ScopeState.OPEN, f"{status.path} begins in a scope that ends"
        super().claim(place, status)

    def settle(self, place: Place, status: StepDraft, outcome: str) -> None:
        """A person answers an incident: retry, skip or fail."""
        who = {"step_run": status.id, "actor": "user:x", "reason": "looked"}
        if outcome in ("fail", "lost"):
            self.tell(place.draft.id, StepGivenUp(**who))
        elif outcome in ("ok", "retry") and place.draft.state is ScopeState.OPEN:
            restart_from(place.draft, status.step, actor="user:x", why="again")
            flow.end_if_still(place.draft)
            self._carry_out(place)
        else:
            self.tell(place.draft.id, StepPassed(**who, output=None))

    def answer(self, place: Place, status: StepDraft, outcome: str) -> None:
        node = place.draft.node(status)
        common: dict[str, Any] = {"step_run": status.id, "token": status.token}
        review = node.spec.get("review")
        if ENDED in (status.progress or {}):
            self._look(place, status, common, outcome)
            return
        tells = self._unusual(common, outcome)
        if place.draft.kind == "undo" and outcome in ("undoable", "effect", "ask"):
            outcome = "ok"  # an undo asks nobody, and has none of its own
        if node.kind.name == "t_child":
            if self.depth < DEEPEST:
                child = StepSuspended(**common, reason="child", request={})
                self.tell(place.draft.id, child)
            else:
                self.tell(place.draft.id, StepFailed(**common, code="depth", message="too deep"))
        elif node.kind.name == "t_leaf" and tells is not None and place.draft.kind != "undo":
            self.tell(place.draft.id, tells)
        elif node.kind.name == "t_leaf" and review and outcome in ("ok", "undoable", "effect"):
            status.effect = "none" if outcome == "ok" else "reversible"
            undo = {"tool": "reverse"} if outcome == "undoable" else None
            acted = StepSucceeded(
                **common,
                output=1,
                effect=status.effect,
                undo=undo,
                review={**REVIEW, "mode": review["mode"]},
            )
            self.tell(place.draft.id, acted)
        else:
            super().answer(place, status, outcome)

    def _look(self, place: Place, status: StepDraft, common: dict[str, Any], outcome: str) -> None:
        """A worker looks at what a body or a wait gave, and says whom to ask and what undoes it."""
        node = place.draft.node(status)
        if outcome == "lost":
            lost = StepLost(step_run=status.id, token=status.token, is_idempotent=True)
            self.tell(place.draft.id, lost)
            return
        if outcome in ("fail", "late"):
            refused = StepFailed(**common, code="patterns", message="a guardrail tripped")
            self.tell(place.draft.id, refused)
            return
        review = node.spec.get("review")
        seen = StepSucceeded(
            **common,
            output=1,
            port=(status.progress or {})[ENDED],
            undo={"tool": "reverse"} if node.spec.get("undo") else None,
            review={**REVIEW, "mode": review["mode"]} if review and outcome != "ok" else None,
        )
        self.tell(place.draft.id, seen)

    def _unusual(self, common: dict[str, Any], outcome: str) -> Fact | None:
        match outcome:
            case "late":
                return StepFailed(**common, code="timeout", message="late", timed_out=True)
            case "unknown":
                return StepFailed(
                    **common,
                    code="timeout",
                    message="nobody knows",
                    outcome_unknown=True,
                    is_idempotent=False,
                    effect="irreversible",
                )
            case "when":
                return StepSkipped(**common, why="its condition is false")
        return None

    def decide(self, step_run: UUID, scope: UUID, outcome: str) -> None:
        if outcome != "late":
            super().decide(step_run, scope, outcome)
            return
        del self.questions[step_run]
        status = self.places[scope].draft.by_id[step_run]
        self.tell(scope, Decided(step_run=step_run, generation=status.generation, outcome="failed"))

    # Crashes

    def lost(self, index: int, outcome: str) -> "WholeWorld":
        """Let one thing happen in a process that dies before it commits; give what it saw."""
        memo = {id(graph): graph for graph in self.graphs.values()}
        dying = copy.deepcopy(self, memo)
        dying.moves()[index](outcome)
        return dying

    def all_runs(self) -> "list[WholeWorld]":
        """Give this run and all below it."""
        return [self, *(run for child in self.children.values() for run in child.all_runs())]


__all__ = ["ONCE", "WholeWorld"]
