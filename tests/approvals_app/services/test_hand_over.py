import pytest

from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.escalate import approval_escalate
from approvals_app.services.seen import approval_see
from approvals_app.services.undo import approval_undo
from tests.approvals_app import factories
from workflows_app.core.effects import WithdrawApproval
from workflows_app.errors import Conflict, Forbidden, IllegalState, Invalid
from workflows_app.models import InboxFact, RunEvent, Timer

pytestmark = pytest.mark.django_db


def decide(request, actor, decision="approve", **given):
    given = {"digest": request.digest, "via": "page", **given}
    return approval_decide(approval_id=request.pk, actor=actor, decision=decision, **given)


def undo(request, actor):
    return approval_undo(approval_id=request.pk, actor=actor, via="page")


def test_an_undone_decision_never_reaches_the_step(people):
    request = factories.request_for()
    decide(request, people["anna"])

    undone = undo(request, people["anna"])

    assert (undone.state, undone.decided_by, undone.effective_at) == ("pending", None, None)
    assert undone.next_due_at == undone.deadline_at
    assert not Timer.objects.exists()
    assert not InboxFact.objects.exists()
    event = RunEvent.objects.get(run=request.run_id, type="approval.undone")
    assert (event.from_state, event.to_state, event.actor) == ("approved", "pending", "user:anna")


def test_after_an_undo_the_same_person_may_answer_again(people):
    request = factories.request_for()
    decide(request, people["anna"])
    undo(request, people["anna"])

    again = decide(request, people["anna"], "reject", reason="On second thought")

    assert again.state == "rejected"
    assert [vote.turn for vote in request.votes.order_by("pk")] == [1, 2]


def test_an_undo_keeps_the_votes_of_others(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"])
    decide(request, people["ben"])

    assert undo(request, people["ben"]).state == "pending"

    assert decide(request, people["ben"]).state == "approved"


def test_an_undone_edit_brings_the_original_back(people):
    request = factories.request_for()
    decide(request, people["anna"], arguments={**factories.ARGUMENTS, "amount": 1.0})

    undone = undo(request, people["anna"])

    assert (undone.action, undone.digest) == (request.action, request.digest)
    assert request.edits.count() == 1


def test_only_the_decider_undoes(people):
    request = factories.request_for()
    decide(request, people["anna"])

    with pytest.raises(Forbidden):
        undo(request, people["ben"])

    assert Timer.objects.count() == 1


def test_what_is_in_force_is_not_undone(people):
    request = factories.request_for()
    decide(request, people["anna"], via="token")

    with pytest.raises(IllegalState):
        undo(request, people["anna"])

    request.refresh_from_db()
    assert request.state == "approved"


def test_nothing_is_undone_once_the_window_has_closed(people):
    request = factories.request_for()
    decide(request, people["anna"])
    type(request).objects.filter(pk=request.pk).update(effective_at=request.requested_at)

    with pytest.raises(IllegalState):
        undo(request, people["anna"])


def test_what_was_never_decided_is_not_undone(people):
    with pytest.raises(IllegalState):
        undo(factories.request_for(), people["anna"])


def test_a_cancel_beats_a_decision_that_is_not_in_force(people):
    request = factories.request_for()
    decide(request, people["anna"])

    factories.withdrawn(
        [
            WithdrawApproval(
                step_run_id=request.step_run_id, why="cancelled", now=factories.timezone.now()
            )
        ]
    )

    request.refresh_from_db()
    assert request.state == "withdrawn"
    assert not Timer.objects.exists()
    with pytest.raises(IllegalState):
        undo(request, people["anna"])


def test_a_cancel_leaves_a_decision_in_force_alone(people):
    request = factories.request_for()
    decide(request, people["anna"], via="token")

    factories.withdrawn(
        [
            WithdrawApproval(
                step_run_id=request.step_run_id, why="settled", now=factories.timezone.now()
            )
        ]
    )

    request.refresh_from_db()
    assert request.state == "approved"


def test_a_group_can_sit_in_for_a_person(people):
    factories.person("dora", groups=["deputies"])
    dora = factories.person("dora")
    request = factories.request_for()

    approval_delegate(approval_id=request.pk, actor=people["anna"], to="group:deputies")

    assert decide(request, dora).state == "approved"
    event = RunEvent.objects.get(run=request.run_id, type="approval.delegated")
    assert (event.actor, event.data["to"]) == ("user:anna", "group:deputies")


def test_delegating_twice_changes_nothing(people):
    request = factories.request_for()
    for _ in range(2):
        approval_delegate(approval_id=request.pk, actor=people["anna"], to="user:mallory")

    assert request.delegations.count() == 1
    assert RunEvent.objects.filter(type="approval.delegated").count() == 1


@pytest.mark.parametrize(
    ("actor", "to", "error"),
    [
        ("mallory", "user:ben", Forbidden),
        ("olga", "user:ben", Forbidden),
        ("anna", "user:olga", Forbidden),
        ("anna", "user:nobody", Invalid),
        ("anna", "anna", Invalid),
        ("anna", "user:anna", Invalid),
    ],
)
def test_who_cannot_hand_on_or_take_over_a_seat(people, actor, to, error):
    request = factories.request_for()

    with pytest.raises(error):
        approval_delegate(approval_id=request.pk, actor=people[actor], to=to)

    assert not request.delegations.exists()


def test_a_used_seat_is_not_handed_on(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"])

    with pytest.raises(Conflict):
        approval_delegate(approval_id=request.pk, actor=people["anna"], to="user:mallory")


def test_passing_up_asks_the_next_rung_now(people):
    lena = factories.person("lena", groups=["leads"])
    ladder = [{"after": "1h", "assignees": ["group:leads"]}]
    request = factories.request_for(on_timeout="escalate", ladder=ladder, deadline="3h")

    passed = approval_escalate(approval_id=request.pk, actor=people["anna"], reason="Not sure")

    assert (passed.state, passed.climbed) == ("pending", 1)
    event = RunEvent.objects.get(run=request.run_id, type="approval.escalated")
    assert (event.actor, event.why) == ("user:anna", "Not sure")
    assert decide(passed, lena).state == "approved"


def test_past_the_ladder_the_admins_are_asked(people):
    admin = factories.person("ada", roles=["admin"])
    request = factories.request_for()

    approval_escalate(approval_id=request.pk, actor=people["anna"], reason="Not sure")

    assert decide(request, admin).state == "approved"
    with pytest.raises(Conflict):
        decide(request, people["ben"])


def test_there_may_be_nobody_further_up(people):
    with pytest.raises(IllegalState):
        approval_escalate(
            approval_id=factories.request_for().pk, actor=people["anna"], reason="Not sure"
        )


@pytest.mark.parametrize(("actor", "code"), [("mallory", "stranger"), ("olga", "requester")])
def test_only_who_was_asked_passes_up(people, actor, code):
    with pytest.raises(Forbidden) as refused:
        approval_escalate(
            approval_id=factories.request_for().pk, actor=people[actor], reason="Not sure"
        )

    assert refused.value.code == code


def test_passing_up_needs_a_reason(people):
    with pytest.raises(Invalid):
        approval_escalate(approval_id=factories.request_for().pk, actor=people["anna"], reason=" ")


def test_the_first_look_of_each_person_is_recorded(people):
    request = factories.request_for()

    for _ in range(2):
        approval_see(approval_id=request.pk, actor=people["anna"])

    assert RunEvent.objects.filter(run=request.run_id, type="approval.seen").count() == 1
