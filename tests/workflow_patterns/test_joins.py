"""WCP-28 to WCP-33: discriminators, partial joins, and a join that keeps what came early."""

import pytest

from tests.workflow_patterns.driving import driving
from workflows_app.models import StepRun

pytestmark = pytest.mark.django_db(transaction=True)


def test_wcp_28_blocking_discriminator():
    with driving(28, {"rounds": ["1", "2"]}) as run:
        run.done("1 c")
        run.reaches(lambda: "-rounds[0].next" in run.order())
        run.send("task.done", "2 b")  # of the next round: it is kept until this one is over
        assert run.tasks() == {"1 b"}
        run.done("1 b")
        run.done("2 c")
        run.ended()

    ends = [word.removeprefix("rounds") for word in run.ends()]
    assert ends[:3] == ["[0].c", "[0].next", "[0].b"]
    assert set(ends[3:6]) == {"[1].b", "[1].next", "[1].c"}
    assert ends[6:] == [""]


@pytest.mark.parametrize(("winner", "others"), [("b", "cd"), ("d", "bc")])
def test_wcp_29_cancelling_discriminator(winner, others):
    with driving(29) as run:
        run.offered("b", "c", "d")
        run.done(winner)
        run.offered("next")
        run.done("next")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [winner, *(f"{task}!" for task in others), "next"]


@pytest.mark.parametrize(("first", "second", "late"), ["bcd", "dbc"])
def test_wcp_30_structured_partial_join(first, second, late):
    with driving(30) as run:
        run.done(first)
        assert "next" not in run.tasks()
        run.done(second)
        run.offered("next", late)
        run.done("next", late)
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [first, second, "next", late]


def test_wcp_31_blocking_partial_join():
    with driving(31, {"rounds": ["1", "2"]}) as run:
        run.done("1 d", "1 b")
        run.reaches(lambda: "-rounds[0].next" in run.order())
        assert run.tasks() == {"1 c"}
        run.done("1 c")
        run.offered("2 b", "2 c", "2 d")
        run.done("2 b", "2 c")
        run.reaches(lambda: "-rounds[1].next" in run.order())
        run.done("2 d")
        run.ended()

    ends = [word.removeprefix("rounds") for word in run.ends()]
    assert ends == [
        "[0].d",
        "[0].b",
        "[0].next",
        "[0].c",
        "[1].b",
        "[1].c",
        "[1].next",
        "[1].d",
        "",
    ]


@pytest.mark.parametrize(("first", "second", "late"), ["bcd", "dbc"])
def test_wcp_32_cancelling_partial_join(first, second, late):
    with driving(32) as run:
        run.done(first, second)
        run.offered("next")
        run.done("next")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [first, second, f"{late}!", "next"]


def test_wcp_33_generalised_and_join():
    with driving(33, {"firings": 2}) as run:
        for number in (1, 2):
            run.send("frame.made", data=f"frame {number}")
        run.reaches(lambda: "-firings[0].frame" in run.order())
        assert "-firings[0].assemble" not in run.order()
        for number in (1, 2):
            run.send("engine.made", data=f"engine {number}")
        run.ended()

    made = StepRun.objects.filter(run=run.run, step="assemble").order_by("path")
    assert [one.output for one in made] == [
        {"frame": f"frame {number}", "engine": f"engine {number}"} for number in (1, 2)
    ]
    assert run.ends()[:3] == ["firings[0].frame", "firings[0].engine", "firings[0].assemble"]
