"""Random workflows with reviews after the act: what is rejected is undone, whatever happens."""

from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.workflows_app.core.engine.review_world import ReviewWorld
from tests.workflows_app.core.engine.test_properties import (
    bodies,
    common,
    incidents,
    open_steps,
    run_to_the_end,
)
from workflows_app.core.states import StepState


@st.composite
def reviewed_bodies(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a body, some of whose leaves are reviewed."""
    body = draw(bodies())
    _review(body, draw(st.randoms(use_true_random=False)))
    return body


def _review(body: dict[str, Any], chance: Random) -> None:
    for step in body["steps"]:
        if step["kind"] == "t_leaf" and chance.random() < 0.6:
            mode = chance.choice(["parallel", "parallel", "after"])
            step["review"] = {"mode": mode, "rework": chance.choice([0, 0, 1, 2])}
        inner = step["with"].get("body")
        if inner is not None:
            _review(inner, chance)


def check(world: ReviewWorld) -> None:
    """See that exactly what is not to stand was undone, and nothing twice."""
    assert len(world.undone) == len(set(world.undone))
    assert world.undoing == {}
    if incidents(world):
        assert world.ended is None
        return
    assert world.ended is not None
    assert open_steps(world) == []
    assert not [path for place in world.places.values() for path in place.draft.reverting]
    standing = world.standing()
    rejected = {
        status.id
        for place in world.places.values()
        for status in place.draft.steps.values()
        if status.port == "rejected" and status.id in world.acts
    }
    for act, (path, generation) in world.acts.items():
        if act not in standing or act in rejected:
            assert act in world.undone, f"{path} (generation {generation}) was not undone"


@common
@given(body=reviewed_bodies(), chance=st.randoms(use_true_random=True))
def test_what_is_rejected_is_undone_before_the_run_ends(
    body: dict[str, Any], chance: Random
) -> None:
    world = ReviewWorld(body)

    run_to_the_end(world, chance, cancels=False)

    check(world)


@common
@given(body=reviewed_bodies(), chance=st.randoms(use_true_random=True))
def test_a_cancel_in_the_middle_leaves_nothing_half_undone(
    body: dict[str, Any], chance: Random
) -> None:
    world = ReviewWorld(body)

    run_to_the_end(world, chance, cancels=True)

    check(world)
    held = [
        status
        for place in world.places.values()
        for status in place.draft.steps.values()
        if (place.draft.node(status).spec.get("review") or {}).get("mode") == "after"
    ]
    for status in held:
        if status.id in world.acts and status.port is None:
            assert status.id in world.undone, f"{status.path} was cancelled unconfirmed"
    assert not [
        status.path
        for place in world.places.values()
        for status in place.draft.steps.values()
        if status.state is StepState.COMPENSATING
    ]
