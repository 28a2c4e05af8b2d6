"""WCP-12 to WCP-15, 26, 27, 34 to 36, 41, 42: many instances of one task."""

import pytest

from tests.workflow_patterns.driving import driving, follows
from workflows_app.models import EventWait

pytestmark = pytest.mark.django_db(transaction=True)
THREE = {"items": ["x", "y", "z"]}


@pytest.mark.parametrize("items", [["x", "y"], []])
def test_wcp_12_instances_without_synchronization(items):
    with driving(12, {"items": items}) as run:
        run.done("a")
        run.offered("b", *items)
        run.done("b", *items)
        ended = run.ended()

    assert ended.state == "succeeded"
    ones = [f"instances[{n}].one" for n in range(len(items))]
    assert run.ends() == (["a", "b", *ones, "instances"] if items else ["a", "instances", "b"])


def test_wcp_13_instances_known_at_design_time():
    with driving(13) as run:
        run.offered("first", "second", "third")
        run.done("second", "third", "first")
        run.done("next")
        ended = run.ended()

    assert run.ends() == [
        "readers[1].read",
        "readers[2].read",
        "readers[0].read",
        "readers",
        "next",
    ]
    assert ended.state == "succeeded"


@pytest.mark.parametrize("items", [["x"], ["x", "y", "z"], []])
def test_wcp_14_instances_known_at_run_time(items):
    with driving(14, {"items": items}) as run:
        run.done(*reversed(items))
        run.done("next")
        run.ended()

    ones = [f"instances[{n}].one" for n in reversed(range(len(items)))]
    assert run.ends() == ["count", *ones, "instances", "next"]


def test_wcp_15_instances_not_known_before():
    with driving(15, {"known": ["ann"]}) as run:
        run.done("ann")
        run.reaches(lambda: EventWait.objects.filter(type="witness.named", is_open=True).exists())
        assert "next" not in run.tasks()
        for name in ("bob", "the last"):
            run.send("witness.named", data=name)
        run.offered("bob", "the last")
        run.done("the last", "bob", "next")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [
        "witnesses[0].hear",
        "witnesses[2].hear",
        "witnesses[1].hear",
        "witnesses",
        "next",
    ]


def test_wcp_26_cancel_instances():
    with driving(26, THREE) as run:
        run.done("y")
        run.offered("x", "z")
        run.send("instances.withdrawn")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert follows(run.ends(), "instances[1].one", "instances:withdrawn", "note")
    assert {"instances[0].one!", "instances[2].one!", "next?"} <= set(run.ends())


def test_wcp_26_instances_that_are_not_withdrawn_go_on():
    with driving(26, THREE) as run:
        run.done("x", "y", "z", "next")
        run.ended()

    assert run.ends()[-3:] == ["instances[2].one", "instances", "next"] or run.ends()[-1] == "next"
    assert "note?" in run.ends()


def test_wcp_27_complete_instances():
    with driving(27, THREE) as run:
        run.done("y")
        run.offered("x", "z")
        run.send("instances.completed")
        ended = run.ended()

    assert follows(run.ends(), "instances[1].one", "instances:completed", "next")
    assert {"instances[0].one!", "instances[2].one!"} <= set(run.ends())
    counts = {name: ended.output[name] for name in ("total", "processed", "failed")}
    assert counts == {"total": 3, "processed": 1, "failed": 0}
    assert [item and item["subject"] for item in ended.output["items"]] == [None, "y", None]


def test_wcp_34_static_partial_join_leaves_the_rest():
    with driving(34, THREE) as run:
        run.done("z", "x")
        run.offered("next", "y")
        run.done("next", "y")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [
        "instances[2].one",
        "instances[0].one",
        "next",
        "instances[1].one",
        "instances",
    ]


def test_wcp_35_cancelling_partial_join_withdraws_the_rest():
    with driving(35, THREE) as run:
        run.done("z", "x")
        run.offered("next")
        run.done("next")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [
        "instances[2].one",
        "instances[0].one",
        "instances[1].one!",
        "instances",
        "next",
    ]


@pytest.mark.parametrize(("prices", "winner"), [([50], 0), ([300, 200, 90], 2)])
def test_wcp_36_dynamic_partial_join(prices, winner):
    with driving(36, {"known": ["north", "south"]}) as run:
        run.reaches(lambda: EventWait.objects.filter(type="supplier.named", is_open=True).exists())
        run.send("supplier.named", data="late")
        run.offered("north", "south", "late")
        for name, price in zip(("north", "south", "late"), prices, strict=False):
            assert "next" not in run.tasks()
            run.done(name, data=price)
        run.done("next")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert follows(run.ends(), f"offers[{winner}].price", "offers", "next")
    left = {f"offers[{n}].offer!" for n in range(len(prices), 3)}
    assert {word for word in run.ends() if word.endswith("offer!")} == left


def test_wcp_41_thread_merge():
    with driving(41) as run:
        run.done("z", "x")
        assert "next" not in run.tasks()
        run.done("y", "next")
        run.ended()

    assert run.ends() == [
        "threads[2].work",
        "threads[0].work",
        "threads[1].work",
        "threads",
        "next",
    ]
    assert run.order().count("+next") == 1


@pytest.mark.parametrize("threads", [["x"], ["x", "y", "z"]])
def test_wcp_42_thread_split(threads):
    with driving(42, {"threads": threads}) as run:
        run.done("a")
        run.offered(*threads)
        started = {word for word in run.order() if word.endswith(".work")}
        run.done(*threads)
        run.ended()

    assert started == {f"+threads[{n}].work" for n in range(len(threads))}
    assert run.ends()[0] == "a"
    assert run.ends()[-len(threads) - 1 :] == [
        *(f"threads[{n}].work" for n in range(len(threads))),
        "threads",
    ]
