"""WCP-19 to WCP-22, 25, 43: what ends early, repeats, or runs itself."""

import pytest

from tests.workflow_patterns.driving import driving, follows
from workflows_app.models import EventWait, Run, Scope
from workflows_app.services.control import run_cancel

pytestmark = pytest.mark.django_db(transaction=True)


def test_wcp_19_cancel_task():
    with driving(19) as run:
        run.offered("a")
        run.send("task.withdrawn", subject="a")
        run.ended()
        assert run.send("task.done", subject="a") == []

    assert run.ends()[0] == "a:withdrawn"
    assert set(run.ends()[1:]) == {"b?", "note"}


def test_wcp_19_a_task_that_is_done_cannot_be_withdrawn():
    with driving(19) as run:
        run.done("a")
        assert run.send("task.withdrawn", subject="a") == []
        run.done("b")
        run.ended()

    assert run.ends() == ["a", "note?", "b"]


def test_wcp_20_cancel_case():
    with driving(20) as run:
        run.offered("a", "x", "y", "inner")
        run.done("a")
        run_cancel(run_id=run.run.pk, actor="user:x", reason="called off")
        ended = run.ended()
        assert run.send("task.done", subject="x") == []

    assert ended.state == "cancelled"
    assert run.ends()[0] == "a"
    assert set(run.ends()[1:]) == {
        "many[0].one!",
        "many[1].one!",
        "many!",
        "case.open[0].inner!",
        "case!",
    }
    assert set(Scope.objects.filter(run=ended).values_list("state", flat=True)) == {"ended"}
    assert not EventWait.objects.filter(run=ended, is_open=True).exists()


@pytest.mark.parametrize(("rounds", "before", "after"), [(0, 0, 1), (3, 3, 3)])
def test_wcp_21_structured_loop(rounds, before, after):
    with driving(21, {"rounds": rounds}) as run:
        ended = run.ended()

    assert ended.output == {"before": before, "after": after}
    assert run.ends() == [
        *(f"before[{n}].count" for n in range(before)),
        "before",
        *(f"after[{n}].again" for n in range(after)),
        "after",
    ]


@pytest.mark.parametrize(("n", "product"), [(1, 1), (4, 24)])
def test_wcp_22_recursion(n, product):
    with driving(22, {"n": n}) as run:
        ended = run.ended()

    assert ended.output == product
    depths = Run.objects.filter(workflow=ended.workflow).order_by("depth")
    assert [one.depth for one in depths] == list(range(n))
    finished = [one.finished_at for one in depths]
    assert finished == sorted(finished, reverse=True)


def test_wcp_25_cancel_region():
    with driving(25) as run:
        run.done("a")
        run.offered("b", "c", "outside")
        run.send("region.withdrawn")
        run.offered("outside")
        run.done("outside")
        ended = run.ended()

    assert ended.state == "succeeded"
    assert follows(run.ends(), "region.a", "region:withdrawn", "note", "outside")
    assert {"region.b!", "region.c!", "inside_done?"} <= set(run.ends())


def test_wcp_25_a_region_that_is_left_in_peace():
    with driving(25) as run:
        run.done("a", "c", "b", "inside_done", "outside")
        run.ended()

    assert follows(run.ends(), "region.a", "region.c", "region.b", "region", "inside_done")
    assert "note?" in run.ends()


@pytest.mark.parametrize("tasks", ["a", "ba"])
def test_wcp_43_explicit_termination(tasks):
    with driving(43) as run:
        run.done(*tasks)
        ended = run.ended()

    rest = [f"{task}!" for task in "bc" if task not in tasks and (task == "b" or "b" in tasks)]
    assert (ended.state, ended.output) == ("succeeded", "ended")
    assert [word for word in run.ends() if word[0] in tasks] == [*tasks]
    assert [word for word in run.ends() if word.endswith("!")] == rest
