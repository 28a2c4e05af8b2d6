"""What overtakes a step, where the step cannot stop at once."""

from tests.workflows_app.core.engine.world import World
from workflows_app.core import effects as wish
from workflows_app.core.facts import (
    ChildRunEnded,
    StepFailed,
    StepLost,
    StepSucceeded,
    StepSuspended,
)
from workflows_app.core.states import StepState

ARM = {"port": "late", "after": "1s"}


def leaf(name, **more):
    return {"id": name, "kind": "t_leaf", "with": {}, **more}


def world(step, *edges):
    steps = [step, leaf("next"), leaf("after")]
    return World({"steps": steps, "edges": list(edges or [edge(f"{step['id']}.late", "next")])})


def edge(source, target):
    name, _, port = source.partition(".")
    return {"from": name, "port": port or "done", "to": target}


def root(made):
    return made.places[made.root]


def step_of(made, name):
    return root(made).draft.steps.get(name)


def settle(made):
    """Hand every inbox over, and let nothing else happen."""
    while places := [place for place in made.places.values() if place.inbox]:
        made.deliver(places[0])


def begin(made, name, effect="irreversible"):
    """Claim a step whose call is out."""
    status = step_of(made, name)
    made.claim(root(made), status)
    status.effect = effect
    return status


def fire(made, name="until:late"):
    scope, timer = next(pair for pair in made.timers if pair[1].name == name)
    made.fire(scope, timer)


def collect(made):
    """Keep the effects that the world itself does not carry out."""
    seen = []
    handle = made._handle

    def keep(place, effect):
        seen.append(effect)
        handle(place, effect)

    made._handle = keep
    return seen


def test_a_call_with_an_effect_goes_on_while_its_arm_leads_on():
    made = world(leaf("a", until=[ARM]))
    seen = collect(made)
    status = begin(made, "a")

    fire(made)

    assert (status.state, status.port, status.is_cancelling) == (StepState.RUNNING, "late", True)
    assert step_of(made, "next").state is StepState.READY
    made.answer(root(made), status, "undoable")
    assert (status.state, status.port, status.output) == (StepState.COMPENSATING, "late", 1)
    assert wish.UndoSteps(container=status.id, steps=(status.id,)) in seen
    ended = [one for one in made.history if one.type == "step.ended" and one.path == "a"]
    assert [(one.trigger, one.data["port"]) for one in ended] == [("until:late", "late")]


def test_the_scope_waits_for_the_call_that_was_overtaken():
    made = world(leaf("a", until=[ARM]))
    status = begin(made, "a")
    fire(made)
    for name in ("next", "after"):
        made.claim(root(made), step_of(made, name))
        made.answer(root(made), step_of(made, name), "ok")

    before = made.ended
    made.answer(root(made), status, "effect")

    assert before is None
    assert made.ended.outcome == "done"


def test_what_never_answers_is_listed_as_unknown_and_keeps_the_port():
    made = world(leaf("a", until=[ARM]))
    status = begin(made, "a")
    fire(made)

    made.tell(made.root, StepLost(step_run=status.id, token=status.token, is_idempotent=False))

    assert (status.state, status.port) == (StepState.CANCELLED, "late")
    ended = next(one for one in made.history if one.type == "step.ended")
    assert ended.data["unknown"] is True


def test_a_call_that_failed_after_it_was_overtaken_fails_nothing():
    made = world(leaf("a", until=[ARM]))
    status = begin(made, "a")
    fire(made)

    fact = StepFailed(step_run=status.id, token=status.token, code="boom", message="x")
    made.tell(made.root, fact)

    assert (status.state, status.port) == (StepState.CANCELLED, "late")
    assert root(made).draft.closing is None


def test_a_call_without_an_effect_ends_at_once():
    made = world(leaf("a", until=[ARM]))
    status = begin(made, "a", effect="none")

    fire(made)

    assert (status.state, status.port, status.token) == (StepState.CANCELLED, "late", None)


def test_an_arm_that_leads_nowhere_by_a_fatal_port_fails_the_scope_once():
    made = world(leaf("a", until=[{"port": "expired", "after": "1s"}]), edge("next", "after"))
    status = begin(made, "a")

    fire(made, "until:expired")
    closing = dict(root(made).draft.closing)
    made.answer(root(made), status, "effect")

    assert closing["error"]["code"] == "expired"
    assert root(made).draft.closing == closing
    assert made.ended.error["code"] == "expired"


def test_a_child_run_is_cancelled_and_waited_for_while_the_arm_leads_on():
    made = world(leaf("a", until=[ARM]))
    seen = collect(made)
    status = begin(made, "a", effect="none")
    common = {"step_run": status.id, "token": status.token}
    made.tell(made.root, StepSuspended(**common, reason="child", request={}))

    fire(made)

    assert (status.state, status.port) == (StepState.WAITING, "late")
    assert [one.step_run for one in seen if isinstance(one, wish.CancelChild)] == [status.id]
    assert step_of(made, "next").state is StepState.READY
    made.tell(made.root, child_ended(status, "cancelled"))
    assert (status.state, status.port) == (StepState.CANCELLED, "late")


def child_ended(status, state):
    return ChildRunEnded(
        step_run=status.id,
        generation=0,
        run=status.id,
        state=state,
        output=None,
        error=None,
        usage=(0, 0, 0.0),
    )


def test_a_child_run_that_takes_too_long_is_cancelled_before_its_step_fails():
    made = world({**leaf("a"), "kind": "t_child", "timeout": "1s"})
    seen = collect(made)
    status = begin(made, "a", effect="none")
    common = {"step_run": status.id, "token": status.token}
    made.tell(made.root, StepSuspended(**common, reason="child", request={}))

    fire(made, "timeout")
    waits = status.state
    made.tell(made.root, child_ended(status, "cancelled"))

    assert waits is StepState.WAITING
    assert any(isinstance(one, wish.CancelChild) for one in seen)
    assert (status.state, status.port) == (StepState.TIMED_OUT, "error")


def group(name, **more):
    body = {"steps": [leaf("in"), leaf("out")], "edges": [edge("in", "out")]}
    return {"id": name, "kind": "t_group", "with": {"body": body}, **more}


def test_a_group_that_is_overtaken_is_open_until_what_it_holds_has_stopped():
    made = world(group("g", until=[ARM]))
    made.claim(root(made), step_of(made, "g"))
    made.answer(root(made), step_of(made, "g"), "ok")
    place, inner = next(pair for pair in made.claimable() if pair[1].step == "in")
    made.claim(place, inner)
    inner.effect = "irreversible"

    fire(made)
    settle(made)
    status = step_of(made, "g")
    held = (status.state, status.port, step_of(made, "next").state)
    made.answer(place, inner, "effect")
    settle(made)

    assert held == (StepState.RUNNING, "late", StepState.READY)
    assert (status.state, status.port) == (StepState.CANCELLED, "late")
    assert "g.out" not in {one.path for one in made.history}


def test_a_map_that_is_overtaken_gives_what_it_has():
    body = {"steps": [leaf("in")], "edges": []}
    made = world(
        {"id": "m", "kind": "t_map", "with": {"body": body, "count": 3}, "until": [ARM]},
        edge("m.late", "next"),
    )
    made.claim(root(made), step_of(made, "m"))
    made.answer(root(made), step_of(made, "m"), "ok")
    place, inner = next(pair for pair in made.claimable() if pair[1].step == "in")
    made.claim(place, inner)
    made.answer(place, inner, "ok")
    settle(made)

    fire(made)
    settle(made)

    status = step_of(made, "m")
    assert (status.state, status.port) == (StepState.CANCELLED, "late")
    assert status.output == {"items": [], "total": 3, "processed": 1, "failed": 0}


def test_an_arm_that_comes_after_the_cancel_changes_nothing():
    made = world(leaf("a", until=[ARM]))
    status = begin(made, "a")
    timer = next(pair for pair in made.timers if pair[1].name == "until:late")
    made.cancel()

    made.fire(*timer)
    made.answer(root(made), status, "effect")

    assert (status.state, status.port) == (StepState.SUCCEEDED, None)
    assert made.ended.is_cancelled


def acts_under_review(made, name):
    """Let a step act, with people looking at it while the run goes on."""
    status = begin(made, name, effect="none")
    review = {"mode": "parallel", "settings": {}, "action": {}, "digest": "d", "why": "looked at"}
    made.tell(
        made.root,
        StepSucceeded(step_run=status.id, token=status.token, output=1, review=review),
    )
    return status


def test_a_join_that_has_enough_leaves_what_people_still_look_at():
    steps = [leaf("a", review={"mode": "parallel"}), leaf("b"), leaf("j", join="any")]
    made = World({"steps": steps, "edges": [edge("a", "j"), edge("b", "j")]})

    status = acts_under_review(made, "a")

    assert (status.state, status.port) == (StepState.WAITING, "done")
    assert list(made.questions) == [status.id]
    assert step_of(made, "b").state is StepState.CANCELLED
    assert step_of(made, "j").state is StepState.READY
