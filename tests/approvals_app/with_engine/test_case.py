"""A human tier of an escalation opens as a case with everything before it."""

import pytest

from approvals_app.selectors.case import case_of
from tests.approvals_app.with_engine.driving import GATE, asked
from tests.engine_harness import SCRIPTS, run_make, step, version_make, worker_running
from workflows_app.core.kinds import Done, StepError

pytestmark = pytest.mark.django_db(transaction=True)
CRITERIA = "output.confidence < 0.6 || output.sentiment == 'negative' || elapsed > 86400.0"
DESK = {"kind": "approval", "with": {"summary": "Answer", "assignees": ["group:approvers"]}}


@pytest.fixture
def tiers(monkeypatch):
    reply = {"confidence": 0.4, "sentiment": "negative", "message": "It opens at nine."}
    monkeypatch.setitem(SCRIPTS, "reply", lambda call: Done(output=reply))

    def broken(call):
        raise StepError("tool_down", "the shop does not answer")

    monkeypatch.setitem(SCRIPTS, "broken", broken)
    return [
        {"name": "automatic", "step": step("reply", "reply"), "escalate_when": CRITERIA},
        {"name": "agent", "step": step("look", "broken")},
        {"name": "desk", "step": DESK},
    ]


@pytest.fixture
def request_(tiers, people):
    version = version_make([{"id": "case", "kind": "escalation", "with": {"tiers": tiers}}])
    given = {"customer": "C-1", "message": "I want to speak to a person"}
    with worker_running():
        yield asked(run_make(version, given, user=people["olga"]))


def test_the_case_holds_everything_that_was_before(request_):
    case = case_of(request_)

    assert case["tier"] == "desk"
    assert [row.name for row in case["original"]] == ["customer", "message"]
    first, second = case["attempts"]
    assert (first["tier"], [row.name for row in first["fields"]]) == (
        "automatic",
        ["confidence", "sentiment", "message"],
    )
    assert second["error"][0].text == "the shop does not answer"
    assert [one["source"] for one in case["messages"]] == ["request", "automatic"]
    assert case["sentiment"] == [{"source": "automatic", "text": "negative"}]
    assert "What was tried so far" in case["summary"][0].text


def test_every_criterion_is_told_with_how_it_stood(request_):
    first, second = case_of(request_)["moves"]

    assert first["criteria"] == [
        {"when": "output.confidence < 0.6", "held": True},
        {"when": "output.sentiment == 'negative'", "held": True},
        {"when": "elapsed > 86400.0", "held": False},
    ]
    assert second["criteria"] == [{"when": "error: tool_down", "held": True}]


def test_the_page_opens_as_a_case(request_, people, client):
    client.force_login(people["anna"])

    text = client.get(f"/approvals/APR-{request_.number}/").content.decode()

    assert "The case so far" in text
    assert "output.confidence &lt; 0.6" in text
    assert "I want to speak to a person" in text


def test_what_stands_in_no_escalation_is_no_case(people):
    version = version_make([step("a", "echo", 1, effect="reversible", approval=GATE)])
    with worker_running():
        request = asked(run_make(version, user=people["olga"]))

    assert case_of(request) is None
