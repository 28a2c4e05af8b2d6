"""How several answers count together."""

import pytest

from approvals_app.models import Vote
from tests.approvals_app import factories
from tests.approvals_app.services.deciding import decide, events_of, fact_of
from workflows_app.errors import Conflict

pytestmark = pytest.mark.django_db


def test_two_of_n_people_must_agree(people):
    request = factories.request_for(need=2)

    assert decide(request, people["anna"]).state == "pending"
    assert decide(request, people["ben"]).state == "approved"


def test_one_rejection_ends_it(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"])

    assert decide(request, people["ben"], "reject", reason="No").state == "rejected"


def test_all_means_everybody_who_may_answer(people):
    factories.person("olga", groups=["approvers"])
    request = factories.request_for(need="all")

    assert decide(request, people["anna"]).state == "pending"
    assert decide(request, people["ben"]).state == "approved"


def test_a_person_votes_once(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"])

    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"], reason="once more")

    assert refused.value.code == "already_answered"
    assert Vote.objects.count() == 1


def test_an_edit_clears_earlier_votes_and_counts_as_one(people):
    cleo = factories.person("cleo", groups=["approvers"])
    request = factories.request_for(need=2)
    decide(request, people["anna"])
    edited = {**factories.ARGUMENTS, "amount": 1.0}

    after = decide(request, people["ben"], arguments=edited)

    assert (after.state, after.round) == ("pending", 2)
    assert events_of(request).last().data["cleared"] == ["user:anna"]
    with pytest.raises(Conflict) as refused:
        decide(request, cleo)
    assert refused.value.extra["decided"]["by"] == "user:ben"
    assert decide(after, people["anna"]).state == "approved"
    assert fact_of(request)["arguments"] == edited


def test_a_different_answer_starts_the_count_again(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"], "take_over", output={"id": "re_1"})

    after = decide(request, people["ben"], "take_over", output={"id": "re_2"})

    assert (after.state, after.round) == ("pending", 2)
    assert decide(request, people["anna"], "take_over", output={"id": "re_2"}).state == (
        "taken_over"
    )
    assert fact_of(request)["output"] == {"id": "re_2"}
