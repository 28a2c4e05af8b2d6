"""What one answer does, and what it may not do."""

import pytest

from approvals_app.models import ApprovalRequest, Vote
from tests.approvals_app import factories
from tests.approvals_app.services.deciding import decide, events_of, fact_of, untouched
from workflows_app.errors import Conflict, IllegalState, Invalid
from workflows_app.models import InboxFact

pytestmark = pytest.mark.django_db


def test_an_approval_goes_to_the_step_with_the_digest_it_binds(people, nudges):
    request = factories.request_for()

    decided = decide(request, people["anna"])

    assert decided.state == "approved"
    assert fact_of(request) == {
        "type": "decided",
        "step_run": str(request.step_run_id),
        "generation": 0,
        "outcome": "approved",
        "by": "user:anna",
        "digest": request.digest,
    }
    assert nudges == [request.scope_id]
    event = events_of(request).get()
    assert (event.from_state, event.to_state, event.actor) == ("pending", "approved", "user:anna")
    assert event.data["digest"] == request.digest


def test_a_rejection_carries_its_reason(people):
    request = factories.request_for()

    decide(request, people["anna"], "reject", reason="  Not a duplicate ")

    fact = fact_of(request)
    assert (fact["outcome"], fact["reason"]) == ("rejected", "Not a duplicate")
    assert events_of(request).get().why == "Not a duplicate"


def test_a_rejection_without_a_reason_is_refused(people):
    request = factories.request_for()

    with pytest.raises(Invalid) as refused:
        decide(request, people["anna"], "reject", reason="  ")

    assert refused.value.extra["problems"][0]["pointer"] == "/reason"
    assert untouched(request)


def test_high_risk_wants_a_reason(people):
    request = factories.request_for(risk="high")

    with pytest.raises(Invalid):
        decide(request, people["anna"])

    assert untouched(request)
    assert decide(request, people["anna"], reason="Checked both charges").state == "approved"


def test_critical_risk_wants_two_people(people):
    request = factories.request_for(risk="critical")

    first = decide(request, people["anna"], reason="Checked")

    assert first.state == "pending"
    assert not InboxFact.objects.exists()
    assert decide(request, people["ben"], reason="Checked too").state == "approved"
    assert events_of(request).count() == 2


def test_an_unknown_digest_is_a_conflict(people):
    request = factories.request_for()

    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"], digest="0" * 64)

    assert (refused.value.status, refused.value.code) == (409, "stale_digest")
    assert untouched(request)


def test_a_stored_action_that_no_longer_fits_its_digest_is_never_approved(people):
    request = factories.request_for()
    tampered = {**request.action, "arguments": {"amount": 999_999}}
    ApprovalRequest.objects.filter(pk=request.pk).update(action=tampered)

    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"])

    assert refused.value.code == "void"


def test_the_same_answer_again_changes_nothing(people):
    request = factories.request_for()
    decide(request, people["anna"])

    again = decide(request, people["anna"])

    assert again.state == "approved"
    assert Vote.objects.count() == 1
    assert InboxFact.objects.count() == 1
    assert events_of(request).count() == 1


def test_another_answer_later_learns_who_decided(people):
    request = factories.request_for()
    decide(request, people["anna"])

    for actor in ("anna", "ben"):
        with pytest.raises(Conflict) as refused:
            decide(request, people[actor], "reject", reason="No")
        assert refused.value.extra["decided"]["by"] == "user:anna"
        assert refused.value.extra["decided"]["decision"] == "approve"

    assert events_of(request).count() == 1


def test_take_over_gives_the_steps_output(people):
    request = factories.request_for()

    decided = decide(request, people["anna"], "take_over", output={"id": "by hand"})

    assert decided.state == "taken_over"
    fact = fact_of(request)
    assert (fact["outcome"], fact["output"]) == ("taken_over", {"id": "by hand"})


def test_an_answer_that_the_gate_does_not_offer_is_refused(people):
    request = factories.request_for(decisions=["take_over"])

    with pytest.raises(IllegalState) as refused:
        decide(request, people["anna"])

    assert refused.value.extra["allowed"] == ["take_over"]
    assert untouched(request)


def test_after_the_deadline_nobody_decides_whoever_comes_first(people):
    request = factories.due_in_past(factories.request_for())

    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"])

    assert refused.value.extra["state"] == "expired"
    request.refresh_from_db()
    assert request.state == "expired"
    assert fact_of(request)["outcome"] == "expired"
