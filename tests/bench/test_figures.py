"""The table says what was reached, whichever way is better."""

from tests.bench.figures import Figure, Machine, show


def figure(**values):
    return Figure(section="chain", name="steps", unit="ms", **values)


def test_less_time_and_more_runs_are_better():
    assert figure(values=[6, 7, 90], target=7).is_reached is True
    assert figure(values=[6, 7.1, 7.2], target=7).is_reached is False
    assert figure(values=[390, 401, 500], target=400, is_rate=True).is_reached is True
    assert figure(values=[1]).is_reached is None


def test_the_worst_of_twenty_is_told():
    assert figure(values=range(1, 101)).p95 == 96
    assert figure(values=[300, 400, 500], is_rate=True).p95 == 300


def test_other_engines_stand_below_the_same_figure(capsys):
    ours, other = figure(values=[8.0], target=7), figure(values=[9.0], engine="dbos")

    show([ours, figure(values=[1], target=2, note="idle"), other], Machine())

    table = capsys.readouterr().out.splitlines()[4:]
    assert [line.split()[:2] for line in table] == [["figure", "median"]] + [
        ["steps", "ms"]
    ] * 2 + [["steps,", "dbos"]]
    assert table[1].rstrip().endswith("NO")
