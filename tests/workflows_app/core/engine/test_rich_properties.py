"""State machines, events, `until`, open maps and holds: what must hold whatever happens."""

from collections import Counter
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workflows_app.core.engine.rich_world import RichWorld, rich_body
from tests.workflows_app.core.engine.test_properties import OUTCOMES, incidents, open_steps
from workflows_app.core.states import ScopeState, StepState

FUEL = 1_500  # moves before the run is called off: triggers from outside could go on for ever
common = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SEEDS = st.integers(0, 2**32)


def played(seed: int, *, cancels: bool = False, fuel: int = FUEL) -> RichWorld:
    """Draw a workflow and let one thing after the other happen, all from one seed."""
    chance = Random(seed)
    world = RichWorld(rich_body(chance))
    cancel_at = chance.randint(0, 60) if cancels else fuel
    for count in range(20_000):
        if count == cancel_at:
            world.cancel()
        moves = world.moves()
        if not moves and cancels and not world.was_cancelled:
            world.cancel()  # it waits for a person: the cancel comes then
        elif not moves:
            return world
        else:
            chance.choice(moves)(chance.choice(OUTCOMES))
    raise AssertionError("the run does not come to rest")


@common
@given(seed=SEEDS)
def test_every_run_ends_or_waits_for_something_named(seed: int) -> None:
    world = played(seed)

    if world.ended is None:
        assert incidents(world)
        assert not world.was_cancelled
    else:
        assert open_steps(world) == []


@common
@given(seed=SEEDS)
def test_a_cancelled_run_ends_and_leaves_nothing_open(seed: int) -> None:
    world = played(seed, cancels=True)

    assert world.ended is not None
    assert open_steps(world) == []
    assert world.subscriptions == []
    assert world.questions == {}
    assert all(
        place.draft.state in (ScopeState.ENDED, ScopeState.PENDING)
        for place in world.places.values()
    )


@common
@given(seed=SEEDS)
def test_each_generation_ends_once(seed: int) -> None:
    world = played(seed, cancels=seed % 2 == 0)

    ended = Counter(
        (event.path, event.generation) for event in world.history if event.type == "step.ended"
    )
    assert [key for key, count in ended.items() if count > 1] == []


@common
@given(seed=SEEDS)
def test_whoever_listens_is_open(seed: int) -> None:
    chance = Random(seed)
    world = RichWorld(rich_body(chance))
    for _ in range(300):
        moves = world.moves()
        if not moves:
            break
        chance.choice(moves)(chance.choice(OUTCOMES))
        for one in world.subscriptions:
            status = world.places[one.scope].draft.by_id[one.step_run]
            assert status.is_open, one


@common
@given(seed=SEEDS)
def test_a_machine_goes_from_state_to_state_and_counts_its_visits(seed: int) -> None:
    world = played(seed, cancels=seed % 2 == 0)

    entered: dict[str, list[str]] = {}
    for event in world.history:
        if event.type == "state.changed":
            before = entered.setdefault(event.path, [])
            assert event.from_state == (before[-1] if before else "")
            before.append(event.to_state)
    for place in world.places.values():
        for status in place.draft.steps.values():
            if place.draft.node(status).kind.primitive != "state_machine":
                continue
            progress = status.progress or {}
            assert progress.get("visits", {}) == Counter(entered.get(status.path, []))
            if status.state is StepState.SUCCEEDED and status.output:
                assert status.port == entered[status.path][-1]


@common
@given(seed=SEEDS)
def test_a_step_that_an_arm_ended_is_cancelled_by_its_port(seed: int) -> None:
    world = played(seed)

    for place in world.places.values():
        for status in place.draft.steps.values():
            if status.port in ("late", "stopped"):
                assert status.state in (StepState.CANCELLED, StepState.SUCCEEDED)
                assert status.state is StepState.CANCELLED or status.effect != "none"


@common
@given(seed=SEEDS)
def test_the_history_folds_into_the_state(seed: int) -> None:
    world = played(seed, cancels=seed % 3 == 0)

    last = {
        (event.path, event.generation): event.to_state
        for event in world.history
        if event.type in ("step.ready", "step.started", "step.waiting", "step.ended")
    }
    for place in world.places.values():
        for status in place.draft.steps.values():
            assert last[status.path, status.generation] == str(status.state)


@common
@given(seed=SEEDS)
def test_the_same_seed_gives_the_same_history(seed: int) -> None:
    first, second = played(seed), played(seed)

    assert first.history == second.history
    assert first.ended == second.ended
