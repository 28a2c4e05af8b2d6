"""Undos, reviews, child runs, people and crashes in any order: what must hold whatever happens.

`WORLDS` sets how many are drawn for each property; `make soak` draws very many.
"""

import os
from collections import Counter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflows_app.core.engine.test_properties import open_steps
from tests.workflows_app.core.engine.whole_drawing import whole_body
from tests.workflows_app.core.engine.whole_world import ONCE, WholeWorld
from workflows_app.core.engine.draft import REVERT
from workflows_app.core.engine.joins import Edge, edge_state
from workflows_app.core.states import ScopeState, StepState

RARE = ["fail", "retry", "ask", "lost", "effect", "late", "unknown", "when"]
MOODS = [
    ["ok", "undoable", "undoable", "undoable"] * 4 + RARE,  # most runs get far
    ["ok", "ok", "undoable", "undoable", *RARE],
    ["undoable"] * 6 + ["fail", "fail"],  # much is refused after it acted
]
FUEL = 600  # moves before the run is called off: triggers from outside could go on for ever
MOST = 20_000
SEEDS = st.integers(0, 2**32)
common = settings(
    max_examples=int(os.environ.get("WORLDS", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Played:
    """One world played to its end, with checks at every move."""

    def __init__(self, seed: int, *, crashes: float = 0.0, repeats: float = 0.0) -> None:
        chance = Random(seed)
        self.chance, self.crashes, self.repeats = chance, crashes, repeats
        self.outcomes = chance.choice(MOODS)
        self.world = WholeWorld(whole_body(chance), Random(seed + 1))
        self.cancel_at = chance.choice([FUEL, FUEL, chance.randint(0, 80)])
        for count in range(MOST):
            if count == self.cancel_at:
                self.cancel()
            if not self.step():
                return
        raise AssertionError("the run does not come to rest")

    def cancel(self) -> None:
        self.world.rolls_back = self.chance.random() < 0.5
        if self.world.intent is None:
            self.world.cancel()

    def step(self) -> bool:
        world = self.world
        moves = world.moves()
        if not moves:
            if world.ended is not None:
                return False
            assert not world.was_cancelled, f"nothing would wake {waiting(world)}"
            self.cancel()  # it waits for a trigger that nobody fires
            return True
        index, outcome = self.chance.randrange(len(moves)), self.chance.choice(self.outcomes)
        before = self.chance.getstate(), world.chance.getstate()
        dying = world.lost(index, outcome) if self.chance.random() < self.crashes else None
        self.chance.setstate(before[0])
        world.chance.setstate(before[1])
        moves[index](outcome)
        if dying is not None:
            assert dying.history == world.history, "what is done again after a crash differs"
        if self.chance.random() < self.repeats:
            repeat(world)
        return True


def repeat(world: WholeWorld) -> None:
    """Deliver the fact that was told last once more: it changes nothing."""
    if world.told is None or not isinstance(world.told[1], ONCE):
        return
    scope, fact = world.told
    known = len(world.history)
    world.tell(scope, fact)
    assert len(world.history) == known, fact


def waiting(world: WholeWorld) -> list[tuple[str, str, str | None]]:
    return [
        (status.path, str(status.state), status.reason)
        for run in world.all_runs()
        for status in open_steps(run)
        if not status.is_superseded
    ]


def statuses(world: WholeWorld) -> list[tuple[Any, Any]]:
    return [
        (place, status)
        for run in world.all_runs()
        for place in run.places.values()
        for status in place.draft.by_id.values()
    ]


@common
@given(seed=SEEDS)
def test_every_run_ends_and_leaves_nothing_open(seed: int) -> None:
    world = Played(seed).world

    for run in world.all_runs():
        assert run.ended is not None
        assert [one for one in open_steps(run) if not one.is_superseded] == []
        assert run.questions == {}
        assert run.subscriptions == []
        for place in run.places.values():
            assert place.draft.state in (ScopeState.ENDED, ScopeState.PENDING)
            assert not place.draft.reverting


@common
@given(seed=SEEDS)
def test_a_crash_before_any_commit_changes_nothing(seed: int) -> None:
    assert Played(seed, crashes=0.05).world.ended is not None


@common
@given(seed=SEEDS)
def test_a_fact_that_comes_twice_counts_once(seed: int) -> None:
    assert Played(seed, repeats=0.3).world.ended is not None


@common
@given(seed=SEEDS)
def test_what_is_undone_is_undone_once_and_newest_first(seed: int) -> None:
    for run in Played(seed).world.all_runs():
        once = Counter(step for _scope, step in run.undone)
        assert [step for step, count in once.items() if count > 1] == []
        by_scope: dict[int, list[int]] = {}
        for scope, step in run.undone:
            by_scope.setdefault(scope, []).append(run.undos[step].ordinal)
        assert all(order == sorted(order, reverse=True) for order in by_scope.values())
        assert all(undo.state != "running" for undo in run.undos.values())
        if run.rolls_back and run.intent is not None and run.intent.is_cancelled:
            assert all(undo.state != "armed" for undo in run.undos.values())


@common
@given(seed=SEEDS)
def test_nothing_is_left_half_taken_back(seed: int) -> None:
    for _place, status in statuses(Played(seed).world):
        assert status.state is not StepState.COMPENSATING
        assert REVERT not in (status.progress or {})


@common
@given(seed=SEEDS)
def test_a_step_that_ran_had_its_join_met_and_dead_paths_died(seed: int) -> None:
    for place, status in statuses(Played(seed).world):
        draft = place.draft
        if draft.kind == "undo" or status.is_superseded or draft.closing["outcome"] != "done":
            continue
        node = draft.node(status)
        if not node.incoming:
            continue
        is_strict = node.join.mode != "all"
        edges = [edge_state(draft, *source, is_strict=is_strict) for source in node.incoming]
        taken = edges.count(Edge.TAKEN)
        if status.started_at is not None:
            assert taken >= (1 if node.join.mode == "all" else node.join.count), status.path
        if not taken and status.state is StepState.SKIPPED:
            assert status.port is None
        assert Edge.UNSETTLED not in edges


@common
@given(seed=SEEDS)
def test_containers_account_for_their_bodies(seed: int) -> None:
    for place, status in statuses(Played(seed).world):
        if place.draft.node(status).kind.primitive != "map" or status.is_superseded:
            continue
        progress = status.progress or {}
        if status.state is not StepState.SUCCEEDED or not progress.get("total"):
            continue
        assert progress["processed"] + progress["failed"] <= progress["ended"]
        assert progress["ended"] == progress["opened"] <= progress["total"]
        assert progress["working"] == 0


@common
@given(seed=SEEDS)
def test_each_generation_ends_once_and_the_history_folds_into_the_state(seed: int) -> None:
    for run in Played(seed).world.all_runs():
        ended: Counter[tuple[str, int]] = Counter()
        last: dict[tuple[str, int], str] = {}
        for event in run.history:
            if event.type.startswith("step.") or event.from_state == "compensating":
                last[event.path, event.generation] = event.to_state
            ended[event.path, event.generation] += event.type == "step.ended"
        assert [key for key, count in ended.items() if count > 1] == []
        for place in run.places.values():
            for status in place.draft.by_id.values():
                assert last[status.path, status.generation] == str(status.state), status.path


@common
@given(seed=SEEDS)
def test_the_same_seed_gives_the_same_history(seed: int) -> None:
    first, second = Played(seed).world, Played(seed).world

    pairs = zip(first.all_runs(), second.all_runs(), strict=True)
    assert all(one.history == other.history for one, other in pairs)
