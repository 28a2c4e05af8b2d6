import pytest

from approvals_app.core.evidence import suggestion, wilson_lower


@pytest.mark.parametrize(
    ("agreed", "total", "low"),
    [(0, 0, 0.0), (1, 1, 0.2065), (8, 10, 0.4902), (526, 530, 0.9808), (0, 10, 0.0)],
)
def test_the_bound_is_wilsons(agreed, total, low):
    assert wilson_lower(agreed, total) == pytest.approx(low, abs=1e-4)


def test_critical_gates_are_never_relaxed():
    assert suggestion(agreed=1000, total=1000, risk="low")[0] == "relax"
    assert suggestion(agreed=1000, total=1000, risk="critical")[0] == "keep"


def test_a_few_agreements_prove_nothing_yet():
    assert suggestion(agreed=62, total=62, risk="low") == (
        "wait",
        "Not enough evidence yet, 62 of 100",
    )


def test_frequent_disagreement_shows_early():
    assert suggestion(agreed=15, total=20, risk="medium")[0] == "tighten"
