"""Fallback, consensus and escalation, carried out by the engine."""

import pytest

from tests.engine_harness import run_to_rest, step, version_make

pytestmark = pytest.mark.django_db(transaction=True)


def composite(kind, **settings):
    return {"id": "x", "kind": kind, "with": settings}


def outcome(one, input=None, **more):
    run = run_to_rest(version_make([one], **more), input)
    return run.state, run.output, (run.error or {}).get("code")


def test_a_fallback_names_the_option_that_answered():
    options = [step("first", "boom"), step("second", "echo", 7), step("third", "echo", 8)]

    assert outcome(composite("fallback", options=options)) == (
        "succeeded",
        {"source": "second", "output": 7},
        None,
    )


def test_a_fallback_without_an_answer_fails_with_the_last_error():
    options = [step("first", "boom"), step("second", "boom")]

    assert outcome(composite("fallback", options=options)) == ("failed", None, "boom")


def test_a_consensus_gives_the_answer_that_enough_gave():
    members = [step("a", "echo", "yes"), step("b", "echo", "yes"), step("c", "boom")]

    state, output, _ = outcome(composite("consensus", members=members, agree=2))

    assert (state, output["answer"]) == ("succeeded", "yes")
    assert [vote["member"] for vote in output["votes"]] == ["a", "b"]


def test_a_disagreement_that_leads_nowhere_fails_by_its_name():
    members = [step("a", "echo", 1), step("b", "echo", 2)]

    assert outcome(composite("consensus", members=members, agree=2)) == (
        "failed",
        None,
        "disagreed",
    )


def test_an_escalation_hands_on_what_failed_and_what_met_its_criterion():
    tiers = [
        {"name": "bot", "step": step("bot_step", "boom")},
        {
            "name": "first",
            "step": step("a", "echo", {"sure": 0.1}),
            "escalate_when": "output.sure < 0.5",
        },
        {"name": "second", "step": step("b", "echo", "=attempts.map(one, one.tier)")},
    ]

    state, output, _ = outcome(composite("escalation", tiers=tiers))

    assert (state, output["tier"], output["output"]) == ("succeeded", "second", ["bot", "first"])
    assert [one["tier"] for one in output["attempts"]] == ["bot", "first", "second"]
    assert output["attempts"][0]["error"]["code"] == "boom"


def test_a_case_that_the_last_tier_cannot_resolve_says_so():
    tiers = [
        {"name": "bot", "step": step("a", "boom")},
        {"name": "last", "step": step("b", "boom")},
    ]

    assert outcome(composite("escalation", tiers=tiers)) == ("failed", None, "unresolved")
