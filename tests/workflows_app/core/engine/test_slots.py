"""The slots of a map, where messages about them cross."""

from tests.workflows_app.core.engine.test_races import ARM, leaf, root, settle, step_of
from tests.workflows_app.core.engine.world import World
from workflows_app.core.states import StepState


def test_a_slot_on_its_way_to_an_item_that_has_ended_is_free_for_the_next():
    body = {"steps": [leaf("x", until=[ARM])], "edges": []}
    settings = {"body": body, "count": 2, "concurrency": 1}
    made = World({"steps": [{"id": "m", "kind": "t_map", "with": settings}], "edges": []})
    made.claim(root(made), step_of(made, "m"))
    made.answer(root(made), step_of(made, "m"), "ok")
    for _item in range(2):  # each asks, and gives its slot back
        place, status = made.claimable()[0]
        made.claim(place, status)
        made.answer(place, status, "ask")
        made.deliver(root(made))
    first, second = list(made.questions)
    scope = made.questions[first]
    made.decide(first, scope, "ok")  # it asks for a slot, and the slot is on its way
    made.deliver(root(made))
    assert [type(fact).__name__ for fact in made.places[scope].inbox] == ["SlotGranted"]

    made.fire(*next(pair for pair in made.timers if pair[0] == scope))
    settle(made)
    made.decide(second, made.questions[second], "ok")
    settle(made)

    assert step_of(made, "m").progress["working"] == 1
    place, status = made.claimable()[0]
    made.claim(place, status)
    made.answer(place, status, "ok")
    settle(made)
    assert (step_of(made, "m").state, step_of(made, "m").progress["working"]) == (
        StepState.SUCCEEDED,
        0,
    )
