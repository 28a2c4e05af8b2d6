"""WCP-1 to WCP-11, and 37, 38: splits, merges, cycles and how a run ends."""

import pytest

from tests.workflow_patterns.driving import driving, follows

pytestmark = pytest.mark.django_db(transaction=True)


def test_wcp_1_sequence():
    with driving(1) as run:
        for task in ("a", "b", "c"):
            run.offered(task)
            run.done(task)
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.order() == ["+a", "-a", "+b", "-b", "+c", "-c"]


@pytest.mark.parametrize(("first", "second"), ["bc", "cb"])
def test_wcp_2_parallel_split(first, second):
    with driving(2) as run:
        run.done("a")
        run.offered("b", "c")
        run.done(first, second)
        run.ended()

    assert run.order() == ["+a", "-a", "+b", "+c", f"-{first}", f"-{second}"]


@pytest.mark.parametrize(("first", "second"), ["bc", "cb"])
def test_wcp_3_synchronization(first, second):
    with driving(3) as run:
        run.done(first)
        run.offered(second)
        run.done(second, "d")
        run.ended()

    assert run.ends() == [first, second, "d"]
    assert follows(run.order(), f"-{second}", "+d")


@pytest.mark.parametrize(
    ("amount", "port", "way"), [(100, "small", "b"), (101, "large", "c"), (1001, "default", "d")]
)
def test_wcp_4_exclusive_choice(amount, port, way):
    with driving(4, {"amount": amount}) as run:
        run.offered(way)
        run.done(way)
        run.ended()

    others = {f"{task}?" for task in "bcd"} - {f"{way}?"}
    assert run.ends()[0] == f"choose:{port}"
    assert set(run.ends()[1:3]) == others
    assert run.ends()[3:] == [way]


@pytest.mark.parametrize(("goes_left", "way", "other"), [(True, "b", "c"), (False, "c", "b")])
def test_wcp_5_simple_merge(goes_left, way, other):
    with driving(5, {"goes_left": goes_left}) as run:
        run.done(way)
        run.offered("d")
        run.done("d")
        run.ended()

    assert run.ends()[1:] == [f"{other}?", way, "d"]
    assert run.order().count("+d") == 1


@pytest.mark.parametrize(
    ("needs", "ways"),
    [(["fire"], {"fire"}), (["police", "doctor"], {"police", "doctor"}), ([], {"nobody"})],
)
def test_wcp_6_multi_choice(needs, ways):
    with driving(6, {"needs": needs}) as run:
        run.offered(*ways)
        run.done(*sorted(ways))
        run.ended()

    assert run.ends()[-len(ways) :] == sorted(ways)
    assert {word for word in run.order() if word[0] == "+"} == {"+choose", *(f"+{w}" for w in ways)}


@pytest.mark.parametrize("needs", [["fire"], ["doctor", "police"], ["doctor", "fire", "police"]])
def test_wcp_7_structured_synchronizing_merge(needs):
    with driving(7, {"needs": needs}) as run:
        for task in needs:
            assert "report" not in run.tasks()
            run.done(task)
        run.done("report")
        run.ended()

    assert run.ends()[-len(needs) - 1 :] == [*needs, "report"]


def test_wcp_8_multi_merge():
    with driving(8, {"ways": ["foundations", "materials"]}) as run:
        run.done("materials")
        run.reaches(lambda: "-threads[1].inspect" in run.order())
        assert "+threads[0].inspect" not in run.order()
        run.done("foundations")
        ended = run.ended()

    assert follows(
        run.ends(),
        "threads[1].materials",
        "threads[1].inspect",
        "threads[0].foundations",
        "threads[0].inspect",
        "threads",
    )
    assert ended.output["items"] == [{"inspected": "foundations"}, {"inspected": "materials"}]


@pytest.mark.parametrize(("winner", "late"), [("b", "cd"), ("d", "bc")])
def test_wcp_9_structured_discriminator(winner, late):
    with driving(9) as run:
        run.done(winner)
        run.offered("next", *late)
        run.done("next", *late)
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [winner, "next", *late]
    assert run.order().count("+next") == 1


@pytest.mark.parametrize(
    ("triggers", "path"),
    [
        ("submit release", "draft review released"),
        (
            "ask_legal send_back object submit ask_legal object submit release",
            "draft legal review rework review legal rework review released",
        ),
        ("submit object drop", "draft review rework dropped"),
    ],
)
def test_wcp_10_arbitrary_cycles(triggers, path):
    with driving(10) as run:
        run.reaches(lambda: run.states() == ["draft"])
        for trigger in triggers.split():
            run.fire(trigger, "case")
        ended = run.ended()

    assert run.states() == path.split()
    assert ended.output["state"] == path.split()[-1]


@pytest.mark.parametrize("tasks", ["abc", "acb"])
def test_wcp_11_implicit_termination(tasks):
    with driving(11) as run:
        run.done(*tasks)
        ended = run.ended()

    assert ended.state == "succeeded"
    assert run.ends() == [*tasks]


@pytest.mark.parametrize(
    ("left", "right", "across", "ways", "dead"),
    [
        (True, False, True, "a c", "b second"),
        (False, True, True, "b c", "a"),
        (False, True, False, "b", "a c"),
        (True, True, False, "b a c", ""),
        (True, True, True, "a b c", ""),
    ],
)
def test_wcp_37_local_synchronizing_merge(left, right, across, ways, dead):
    with driving(37, {"left": left, "right": right, "across": across}) as run:
        for task in ways.split():
            assert "merge" not in run.tasks()
            run.done(task)
        run.done("merge")
        run.ended()

    ends = run.ends()
    assert [word for word in ends if word in "abc"] == ways.split()
    assert {word for word in ends if word.endswith("?")} == {f"{word}?" for word in dead.split()}
    assert ends[-1] == "merge"


@pytest.mark.parametrize(
    ("verdicts", "end"),
    [
        (["good"], "tries"),
        (["bad", "bad", "good"], "tries"),
        (["bad", "hopeless"], "tries:hopeless"),
        (["bad"] * 3, "tries:exhausted"),
    ],
)
def test_wcp_38_general_synchronizing_merge(verdicts, end):
    with driving(38) as run:
        run.done("a")
        for number, verdict in enumerate(verdicts):
            assert "merge" not in run.tasks()
            run.done(f"attempt {number}", data=verdict)
        run.done("merge")
        run.ended()

    assert follows(run.ends(), "a", f"tries[{len(verdicts) - 1}].attempt", end, "merge")
    assert ("note" in run.ends()) == (end != "tries")
