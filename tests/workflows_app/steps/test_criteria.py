import pytest

from workflows_app.steps.criteria import clauses


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("a < 1.0", ["a < 1.0"]),
        ("a || b && c || d", ["a", "b && c", "d"]),
        ("(a || b) && c || f([x || y])", ["(a || b) && c", "f([x || y])"]),
        ("a == 'x || y' || b", ["a == 'x || y'", "b"]),
        ('a == r"\\|| z" || b', ['a == r"\\|| z"', "b"]),
        ("a || b ? c : d", ["a || b ? c : d"]),
        ("a || (b ? c : d)", ["a", "(b ? c : d)"]),
        ("a ||", ["a ||"]),
    ],
)
def test_a_condition_is_cut_at_its_outermost_or(source, parts):
    assert clauses(source) == parts
