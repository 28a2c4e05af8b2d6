"""Random workflows, random outcomes, random order: what must hold whatever happens."""

from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflows_app.core.engine.world import World
from workflows_app.core.engine.joins import Edge, edge_state
from workflows_app.core.states import STEP_OPEN, ScopeState, StepState

OUTCOMES = ["ok", "ok", "ok", "fail", "retry", "ask", "lost", "effect"]


@st.composite
def bodies(draw: st.DrawFn, depth: int = 0) -> dict[str, Any]:
    """Draw a body: a random DAG of leaves and, to depth 4, containers."""
    count = draw(st.integers(1, 5))
    steps, edges = [], []
    for index in range(count):
        name = f"s{index}"
        sources = draw(st.lists(st.integers(0, index - 1), unique=True)) if index else []
        chosen = [
            f"s{source}{draw(st.sampled_from(['', '', '.error', '.rejected']))}"
            for source in sources
        ]
        edges += [{"from": source, "to": name} for source in chosen]
        steps.append(draw(_steps(name, len(chosen), depth)))
    return {"steps": steps, "edges": edges}


@st.composite
def _steps(draw: st.DrawFn, name: str, incoming: int, depth: int) -> dict[str, Any]:
    kinds = ["t_leaf"] * 3 + (["t_group", "t_map", "t_loop"] if depth < 3 else [])
    kind = draw(st.sampled_from(kinds))
    step: dict[str, Any] = {"id": name, "kind": kind, "with": {}}
    if kind != "t_leaf":
        step["with"] = {"body": draw(bodies(depth + 1))}
    if kind == "t_map":
        step["with"] |= {
            "count": draw(st.integers(0, 4)),
            "concurrency": draw(st.integers(1, 3)),
            "failures": draw(st.sampled_from([0, 1, "50%"])),
        }
    if kind == "t_loop":
        step["with"]["rounds"] = draw(st.integers(1, 3))
    if incoming:
        quorum = {"quorum": draw(st.integers(1, incoming))}
        step["join"] = draw(st.sampled_from(["all", "all", "any", quorum]))
        step["rest"] = draw(st.sampled_from(["cancel", "leave"]))
    step["optional"] = draw(st.booleans())
    return step


def run_to_the_end(world: World, chance: Random, *, cancels: bool) -> None:
    """Let one thing after the other happen, in an order left to chance, until nothing can."""
    cancel_at = chance.randint(0, 40) if cancels else None
    for count in range(20_000):
        if count == cancel_at:
            world.cancel()
        moves = world.moves()
        if not moves:
            return
        chance.choice(moves)(chance.choice(OUTCOMES))
    raise AssertionError("the run does not come to rest")


def incidents(world: World) -> list[str]:
    return [
        status.path
        for _place, status in world.steps(StepState.WAITING)
        if status.reason == "incident"
    ]


def open_steps(world: World) -> list[Any]:
    return [
        status
        for place in world.places.values()
        for status in place.draft.steps.values()
        if status.state in STEP_OPEN
    ]


common = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_every_run_ends_or_waits_for_a_person(body: dict[str, Any], chance: Random) -> None:
    world = World(body)

    run_to_the_end(world, chance, cancels=False)

    if incidents(world):
        assert world.ended is None
    else:
        assert world.ended is not None
        assert open_steps(world) == []


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_a_cancelled_run_always_ends(body: dict[str, Any], chance: Random) -> None:
    world = World(body)

    run_to_the_end(world, chance, cancels=True)
    world.cancel()
    run_to_the_end(world, chance, cancels=False)

    assert world.ended is not None
    assert open_steps(world) == []
    assert all(
        place.draft.state in (ScopeState.ENDED, ScopeState.PENDING)
        for place in world.places.values()
    )


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_nothing_becomes_ready_after_the_cancel(body: dict[str, Any], chance: Random) -> None:
    world = World(body)
    world.cancel()
    known = len(world.history)

    run_to_the_end(world, chance, cancels=False)

    root = [
        event
        for event in world.history[known:]
        if event.type == "step.ready" and "." not in event.path and "[" not in event.path
    ]
    assert root == []


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_a_step_runs_only_once_its_join_is_met(body: dict[str, Any], chance: Random) -> None:
    world = World(body)

    run_to_the_end(world, chance, cancels=False)

    for place in world.places.values():
        draft = place.draft
        for step, status in draft.steps.items():
            node = draft.graph.nodes[step]
            if not node.incoming or status.started_at is None:
                continue
            is_strict = node.join.mode != "all"
            found = [
                edge_state(draft, source, port, is_strict=is_strict)
                for source, port in node.incoming
            ]
            assert found.count(Edge.TAKEN) >= (1 if node.join.mode == "all" else node.join.count)


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_each_generation_ends_once(body: dict[str, Any], chance: Random) -> None:
    world = World(body)

    run_to_the_end(world, chance, cancels=True)

    ended = [
        (event.path, event.generation) for event in world.history if event.type == "step.ended"
    ]
    assert len(ended) == len(set(ended))


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_a_late_answer_changes_nothing(body: dict[str, Any], chance: Random) -> None:
    world = World(body)
    pairs = world.claimable()
    place, status = pairs[0]
    world.claim(place, status)
    first = status.token
    world.answer(place, status, "lost")
    assert status.token != first

    before = (status.state, status.attempt, len(world.history))
    status_token, status.token = status.token, first
    stale = status.token
    status.token = status_token
    from workflows_app.core.facts import StepSucceeded

    accepted = world.tell(
        place.draft.id, StepSucceeded(step_run=status.id, token=stale, output="late")
    )

    assert not accepted
    assert (status.state, status.attempt, len(world.history)) == before


@common
@given(body=bodies(), chance=st.randoms(use_true_random=True))
def test_a_map_accounts_for_every_item(body: dict[str, Any], chance: Random) -> None:
    world = World(body)

    run_to_the_end(world, chance, cancels=True)

    for place in world.places.values():
        for status in place.draft.steps.values():
            node = place.draft.node(status)
            if node.kind.primitive != "map" or status.state is not StepState.SUCCEEDED:
                continue
            progress = status.progress
            if progress["total"]:
                assert progress["processed"] + progress["failed"] == progress["total"]
                assert progress["ended"] == progress["opened"] == progress["total"]
                assert progress["working"] == 0
