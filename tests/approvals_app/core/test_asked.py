from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from approvals_app.core.asked import DEFAULT_ASSIGNEES, asked_read

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
FIELDS = st.sampled_from(
    [
        "summary",
        "details",
        "confidence",
        "risk",
        "impact",
        "alternatives",
        "links",
        "assignees",
        "need",
        "deadline",
        "on_timeout",
        "ladder",
        "decisions",
        "form",
    ]
)


@given(st.dictionaries(FIELDS, ANYTHING))
def test_whatever_an_expression_made_gives_a_request(settings):
    asked = asked_read(settings, reason="approval", fallback="Run it")

    assert asked.risk in ("low", "medium", "high", "critical")
    assert asked.confidence is None or 0 <= asked.confidence <= 1
    assert asked.deadline > timedelta(0)
    assert asked.need == "all" or asked.need >= 1
    assert asked.on_timeout in ("deny", "escalate", "fail")
    assert all(link["url"].lower().startswith(("http://", "https://")) for link in asked.links)


def test_nothing_set_asks_reviewers_and_admins_for_a_day():
    asked = asked_read(None, reason="approval", fallback="Run payments.refund")

    assert asked.summary == "Run payments.refund"
    assert asked.assignees == DEFAULT_ASSIGNEES
    assert asked.deadline == timedelta(hours=24)
    assert (asked.need, asked.risk, asked.on_timeout) == (1, "medium", "deny")


def test_an_empty_list_of_assignees_stays_empty():
    assert asked_read({"assignees": []}, reason="approval", fallback="").assignees == ()


def test_a_script_is_no_link():
    links = asked_read(
        {"links": [{"label": "x", "url": "javascript:alert(1)"}, "https://example.org/a"]},
        reason="approval",
        fallback="",
    ).links

    assert links == [{"label": "https://example.org/a", "url": "https://example.org/a"}]


def test_an_unknown_risk_counts_as_high_and_a_nonsense_quorum_as_all():
    asked = asked_read({"risk": "none at all", "need": -3}, reason="approval", fallback="")

    assert (asked.risk, asked.need) == ("high", "all")


def test_the_ladder_is_climbed_in_the_order_of_its_times():
    asked = asked_read(
        {
            "ladder": [
                {"after": "2h", "assignees": ["group:b"]},
                {"after": "30m", "assignees": ["group:a"]},
            ]
        },
        reason="approval",
        fallback="",
    )

    assert [rung.assignees for rung in asked.rungs] == [("group:a",), ("group:b",)]


def test_overlong_and_unstorable_texts_become_ones_that_fit():
    asked = asked_read(
        {
            "summary": "a\x00b\ud800",
            "details": "x" * 50_000,
            "requested_by": "n" * 1_000,
            "assignees": ["user:anna", "user:" + "n" * 300, "group:\x00"],
        },
        reason="approval",
        fallback="",
    )

    assert asked.summary == "a\ufffdb?"
    assert len(asked.details) == 20_000
    assert asked.details.endswith("x…")
    assert len(asked.requested_by) == 200
    assert asked.assignees == ("user:anna",)
