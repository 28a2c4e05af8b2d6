"""WCP-16 to WCP-18, 23, 24, 39, 40: what depends on the state of the run or on the outside."""

import itertools

import pytest

from tests.workflow_patterns.driving import driving, follows

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("event", "port", "way"),
    [
        ("offer.accepted", "", "contract"),
        ("offer.refused", ":refused", "close"),
        (None, ":silent", "remind"),
    ],
)
def test_wcp_16_deferred_choice(event, port, way):
    with driving(16, {"offer": "7"}) as run:
        run.reaches(lambda: "+answer" in run.order())
        if event:
            run.send(event, subject="8")
            run.send(event, subject="7")
        run.ended()
        late = run.send("offer.accepted", subject="7")

    assert late == []
    assert run.ends()[0] == f"answer{port}"
    assert [word for word in run.ends()[1:] if not word.endswith("?")] == [way]


def test_wcp_17_interleaved_parallel_routing():
    with driving(17) as run:
        for _ in range(3):
            run.reaches(lambda: len(run.tasks()) == 1)
            run.done(*run.tasks())
        run.ended()

    assert_one_at_a_time(run.order(), "weigh", "pack", "label")
    assert run.ends().index("weigh") < run.ends().index("pack")
    assert run.ends()[-1] == "ship"


def test_wcp_40_interleaved_routing():
    tasks = ["blood", "xray", "eyes"]
    with driving(40) as run:
        for _ in tasks:
            run.reaches(lambda: len(run.tasks()) == 1)
            run.done(*run.tasks())
        run.ended()

    assert_one_at_a_time(run.order(), *tasks)
    assert run.ends()[-1] == "report"


def assert_one_at_a_time(order, *tasks):
    words = [word for word in order if word[1:] in tasks]
    pairs = list(itertools.batched(words, 2))
    assert pairs == [(f"+{task}", f"-{task}") for task in (pair[0][1:] for pair in pairs)]
    assert {pair[0][1:] for pair in pairs} == set(tasks)


def test_wcp_39_critical_section():
    inside = {"deposit": ["open_deposit", "put"], "withdraw": ["open_withdrawal", "take"]}
    with driving(39) as run:
        run.done("talk")
        for _ in inside:
            run.reaches(lambda: len(run.tasks()) == 1)
            [first] = run.tasks()
            group = next(name for name, tasks in inside.items() if first in tasks)
            for task in inside[group]:
                run.offered(task)
                run.done(task)
        run.ended()

    groups = [word for word in run.order() if word[1:] in inside]
    assert groups[0][1:] == groups[1][1:]
    assert groups[2][1:] == groups[3][1:]
    assert [word[0] for word in groups] == ["+", "-", "+", "-"]
    assert run.ends()[-1] == "after"


CHANGE = "booking.confirmed[0].change"


def test_wcp_18_milestone_enables_the_task_once_it_is_reached_and_is_not_moved_by_it():
    with driving(18, {"booking": "7"}) as run:
        run.done("call")  # the other branch gets there first
        run.reaches(lambda: "-ask" in run.order())
        assert run.tasks() == set()
        assert run.states() == ["requested"]

        run.fire("confirm", "booking")
        run.done("change")

        assert run.states() == ["requested", "confirmed"]  # a test of the state, no trigger
        for trigger in ("issue", "fly"):
            run.fire(trigger, "booking")
        run.ended()

    assert run.states() == ["requested", "confirmed", "issued", "flown"]
    assert follows(run.order(), "-ask", f"+{CHANGE}", f"-{CHANGE}", "-booking:flown")


def test_wcp_18_milestone_that_is_passed_withdraws_the_task():
    with driving(18, {"booking": "7"}) as run:
        run.reaches(lambda: run.states() == ["requested"])
        run.fire("confirm", "booking")
        run.done("call")
        run.offered("change")

        run.fire("issue", "booking")

        run.reaches(lambda: f"-{CHANGE}!" in run.order())
        assert run.tasks() == set()
        run.fire("fly", "booking")
        run.ended()

    assert run.states() == ["requested", "confirmed", "issued", "flown"]


def test_wcp_18_milestone_that_is_passed_never_enables_the_task_again():
    with driving(18, {"booking": "7"}) as run:
        run.reaches(lambda: run.states() == ["requested"])
        for trigger in ("confirm", "issue"):
            run.fire(trigger, "booking")
        run.done("call")  # too late
        run.reaches(lambda: "-ask" in run.order())

        run.fire("fly", "booking")
        run.ended()

    assert f"+{CHANGE}" not in run.order()
    assert run.states()[-1] == "flown"


def test_wcp_23_transient_trigger_is_lost_when_it_comes_early():
    with driving(23, {"place": "lab"}) as run:
        run.offered("a")
        early = run.send("alarm.raised", subject="lab", data="early")
        run.done("a")
        run.reaches(lambda: "+alarm" in run.order())
        elsewhere = run.send("alarm.raised", subject="hall", data="elsewhere")
        resumed = run.send("alarm.raised", subject="lab", data="in time")
        ended = run.ended()

    assert early == elsewhere == []
    assert [one["path"] for one in resumed] == ["alarm"]
    assert ended.output == "in time"
    assert run.order()[:4] == ["+a", "-a", "+alarm", "-alarm"]


@pytest.mark.parametrize("is_early", [True, False])
def test_wcp_24_persistent_trigger_is_kept(is_early):
    with driving(24, {"place": "lab"}) as run:
        run.offered("a")
        if is_early:
            run.send("alarm.raised", subject="lab", data="kept")
        run.done("a")
        if not is_early:
            run.reaches(lambda: "+alarm" in run.order())
            run.send("alarm.raised", subject="lab", data="kept")
        ended = run.ended()

    assert ended.output == "kept"
    assert run.ends() == ["a", "alarm", "respond"]
