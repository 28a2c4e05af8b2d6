from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from approvals_app.models import ApprovalRequest, Edit, Vote
from approvals_app.services.decide import approval_decide
from approvals_app.services.delegate import approval_delegate
from tests.approvals_app import factories
from workflows_app.core.action import action_digest
from workflows_app.errors import Conflict, Forbidden, IllegalState, Invalid, NotFound
from workflows_app.models import InboxFact, RunEvent, Timer
from workflows_app.selectors.people import Grant, Principal

pytestmark = pytest.mark.django_db


def decide(request, actor, decision="approve", **given):
    return approval_decide(
        **{
            "approval_id": request.pk,
            "actor": actor,
            "via": "token",
            "decision": decision,
            "digest": request.digest,
            **given,
        }
    )


def fact_of(request):
    return InboxFact.objects.get(scope=request.scope_id).fact


def events_of(request, name="decided"):
    return RunEvent.objects.filter(run=request.run_id, type=f"approval.{name}")


def untouched(request):
    """A refusal proves that nothing changed."""
    before = (request.state, request.digest, request.round)
    request.refresh_from_db()
    assert (request.state, request.digest, request.round) == before
    assert not Vote.objects.filter(request=request).exists()
    assert not InboxFact.objects.filter(scope=request.scope_id).exists()
    assert not Timer.objects.filter(scope=request.scope_id).exists()
    return True


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


def test_a_stranger_is_refused_and_that_is_recorded(people):
    request = factories.request_for()

    with pytest.raises(Forbidden) as refused:
        decide(request, people["mallory"])

    assert refused.value.code == "stranger"
    assert untouched(request)
    event = events_of(request, "refused").get()
    assert (event.actor, event.data["code"]) == ("user:mallory", "stranger")


@pytest.mark.parametrize("role", ["starter", "editor", "credential"])
def test_whoever_asked_for_it_never_decides(people, role):
    actor = factories.person(f"the-{role}", groups=["approvers"])
    factories.credential_set("stripe", actor if role == "credential" else people["mallory"])
    step_run = factories.waiting_step(
        starter=actor if role == "starter" else people["olga"],
        of=factories.version(editors=[actor] if role == "editor" else []),
    )
    request = factories.request_for(
        step_run, bound=factories.action(step_run, credentials=["stripe"])
    )

    with pytest.raises(Forbidden) as refused:
        decide(request, actor)

    assert refused.value.code == "requester"
    assert untouched(request)
    assert events_of(request, "refused").get().data["code"] == "requester"


def test_an_admin_is_bound_by_four_eyes_like_anyone(people):
    admin = factories.person("ada", groups=["approvers"], roles=["admin"])
    request = factories.request_for(factories.waiting_step(starter=admin))

    with pytest.raises(Forbidden):
        decide(request, admin)


def test_the_database_itself_refuses_a_requesters_vote(people):
    request = factories.request_for()
    vote = Vote(
        request=request,
        round=1,
        person=people["olga"],
        seat=people["olga"],
        decision="approve",
        digest=request.digest,
        answer_digest="a",
        body_digest="b",
        via="token",
        at=request.requested_at,
    )

    with pytest.raises(IntegrityError, match="whoever asked for it"), transaction.atomic():
        vote.save()


def test_an_answer_is_never_changed_or_removed(people):
    request = factories.request_for()
    decide(request, people["anna"])

    for attempt in (
        lambda: Vote.objects.update(decision="reject", reason="x"),
        lambda: Vote.objects.filter(request=request)._raw_delete("default"),
    ):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            attempt()


def test_a_service_never_decides(people):
    request = factories.request_for()
    grant = Grant(
        workspace=factories.workspace(), roles=frozenset(), scopes=frozenset({"read", "decide"})
    )
    service = Principal(service="robot", grants=(grant,), actor="service:robot", via="api")

    with pytest.raises(Forbidden) as refused:
        decide(request, service)

    assert refused.value.code == "not_a_person"
    assert untouched(request)


def test_another_workspace_does_not_know_the_request(people):
    other = factories.workspace("other")
    outsider = factories.person("otto", groups=["approvers"], space=other)
    request = factories.request_for()

    with pytest.raises(NotFound):
        decide(request, outsider)


def test_groups_are_read_at_the_decision(people):
    request = factories.request_for()
    with pytest.raises(Forbidden):
        decide(request, people["mallory"])

    factories.person("mallory", groups=["approvers"])

    assert decide(request, people["mallory"]).state == "approved"


def test_somebody_who_left_decides_nothing(people):
    request = factories.request_for()
    people["anna"].memberships.update(is_active=False)

    with pytest.raises(NotFound):
        decide(request, people["anna"])


def test_the_starter_of_a_rehearsal_may_answer_and_the_record_says_so(people):
    step_run = factories.waiting_step(starter=people["olga"], mode="rehearsal")
    request = factories.request_for(step_run)

    assert decide(request, people["olga"]).state == "approved"

    assert Vote.objects.get().is_own_rehearsal
    assert events_of(request).get().data["own_rehearsal"] is True


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


def test_an_edit_changes_the_action_and_its_digest(people):
    request = factories.request_for()
    edited = {**factories.ARGUMENTS, "amount": 1610.0}

    decided = decide(request, people["anna"], arguments=edited, reason="Freight was used")

    assert decided.state == "approved"
    assert decided.action["arguments"] == edited
    assert decided.digest == action_digest(decided.action) != request.digest
    fact = fact_of(request)
    assert (fact["arguments"], fact["digest"]) == (edited, decided.digest)
    edit = Edit.objects.get()
    assert edit.before["arguments"] == factories.ARGUMENTS
    assert edit.digest_before == request.digest


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


def test_the_editors_repeat_is_a_repeat(people):
    request = factories.request_for()
    edited = {**factories.ARGUMENTS, "amount": 1.0}
    decide(request, people["anna"], arguments=edited)

    again = decide(request, people["anna"], arguments=edited)

    assert again.state == "approved"
    assert Edit.objects.count() == 1


def test_arguments_that_change_nothing_are_no_edit(people):
    request = factories.request_for()

    decided = decide(request, people["anna"], arguments=dict(factories.ARGUMENTS))

    assert decided.digest == request.digest
    assert not Edit.objects.exists()
    assert "arguments" not in fact_of(request)


def test_a_different_answer_starts_the_count_again(people):
    request = factories.request_for(need=2)
    decide(request, people["anna"], "take_over", output={"id": "re_1"})

    after = decide(request, people["ben"], "take_over", output={"id": "re_2"})

    assert (after.state, after.round) == ("pending", 2)
    assert decide(request, people["anna"], "take_over", output={"id": "re_2"}).state == (
        "taken_over"
    )
    assert fact_of(request)["output"] == {"id": "re_2"}


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


def test_a_question_is_answered_by_its_form(people):
    form = {"type": "object", "required": ["iban"], "properties": {"iban": {"type": "string"}}}
    step_run = factories.waiting_step(starter=people["olga"], kind="approval")
    request = factories.request_for(step_run, form=form)

    for output in (None, {"iban": 7}):
        with pytest.raises(Invalid):
            decide(request, people["anna"], output=output)
    assert untouched(request)

    decide(request, people["anna"], output={"iban": "DE1"}, label="refund")

    assert fact_of(request)["output"] == {
        "decision": "approve",
        "by": "user:anna",
        "reason": "",
        "arguments": None,
        "label": "refund",
        "output": {"iban": "DE1"},
    }


def test_a_review_may_edit_the_output(people):
    step_run = factories.waiting_step(starter=people["olga"], reason="review")
    bound = factories.action(step_run, arguments={"label": "refund"})
    request = factories.request_for(step_run, reason="review", bound=bound)

    decide(request, people["anna"], output={"label": "technical"})

    fact = fact_of(request)
    assert fact["arguments"] == {"label": "technical"}
    assert fact["output"] == {"label": "technical"}


@pytest.mark.parametrize(
    ("decision", "given", "outcome", "state"),
    [
        ("approve", {}, "approved", "approved"),
        ("reject", {"reason": "Enough"}, "stopped", "rejected"),
    ],
)
def test_a_checkpoint_goes_on_or_stops(people, decision, given, outcome, state):
    step_run = factories.waiting_step(
        starter=people["olga"], kind="checkpoint", reason="checkpoint"
    )
    request = factories.request_for(step_run, reason="checkpoint")

    assert decide(request, people["anna"], decision, **given).state == state

    fact = fact_of(request)
    assert fact["outcome"] == outcome
    assert fact["output"]["decision"] == decision


def test_a_page_has_an_undo_window_and_a_token_has_none(people):
    request = factories.request_for()

    decided = decide(request, people["anna"], via="page")

    assert decided.effective_at - decided.decided_at == timedelta(seconds=8)
    assert not InboxFact.objects.exists()
    timer = Timer.objects.get(step_run=request.step_run_id)
    assert (timer.name, timer.due_at) == ("dispatch", decided.effective_at)
    assert timer.fact["outcome"] == "approved"


def test_a_token_may_ask_for_a_window(people):
    decided = decide(factories.request_for(), people["anna"], undo_seconds=30)

    assert decided.effective_at - decided.decided_at == timedelta(seconds=30)


@pytest.mark.parametrize("seconds", [-1, 61, float("nan")])
def test_a_window_is_up_to_a_minute(people, seconds):
    request = factories.request_for()

    with pytest.raises(Invalid):
        decide(request, people["anna"], undo_seconds=seconds)

    assert untouched(request)


def test_irreversible_and_critical_decisions_hold_at_once(people):
    irreversible = factories.request_for(
        factories.waiting_step(starter=people["olga"], effect="irreversible")
    )
    critical = factories.request_for(risk="critical")

    one = decide(irreversible, people["anna"], via="page")
    decide(critical, people["anna"], via="page", reason="Checked")
    two = decide(critical, people["ben"], via="page", reason="Checked")

    assert one.effective_at == one.decided_at
    assert two.effective_at == two.decided_at
    assert not Timer.objects.exists()


def test_after_the_deadline_nobody_decides_whoever_comes_first(people):
    request = factories.due_in_past(factories.request_for())

    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"])

    assert refused.value.extra["state"] == "expired"
    request.refresh_from_db()
    assert request.state == "expired"
    assert fact_of(request)["outcome"] == "expired"


def test_a_delegate_decides_instead_of_the_person(people):
    request = factories.request_for(need=2)
    approval_delegate(approval_id=request.pk, actor=people["anna"], to="user:mallory")

    assert decide(request, people["mallory"]).state == "pending"
    assert events_of(request).get().data["instead_of"] == "user:anna"
    with pytest.raises(Conflict) as refused:
        decide(request, people["anna"])

    assert refused.value.extra["decided"]["by"] == "user:mallory"
    assert decide(request, people["ben"]).state == "approved"


SCHEMA = {
    "type": "object",
    "required": ["amount"],
    "properties": {"amount": {"type": "number", "maximum": 2000}},
}


@pytest.fixture
def refund_schema(monkeypatch):
    """Give the tool of the tests a schema for what goes in and what comes out."""
    kind = "workflows_app.agents.steps.tool.ToolKind"
    monkeypatch.setattr(f"{kind}.arguments_schema", lambda self, **given: SCHEMA)
    monkeypatch.setattr(
        f"{kind}.output_schema", lambda self, **given: {"type": "object", "required": ["id"]}
    )
    return SCHEMA


@pytest.mark.parametrize("arguments", [{"amount": 9000}, {}, {"amount": "1"}, []])
def test_an_edit_that_breaks_the_tools_schema_is_refused(people, refund_schema, arguments):
    request = factories.request_for()

    with pytest.raises(Invalid) as refused:
        decide(request, people["anna"], arguments=arguments)

    assert refused.value.extra["problems"][0]["pointer"].startswith("/arguments")
    assert untouched(request)


def test_an_edit_is_refused_once_the_tools_schema_is_another(people, refund_schema):
    step_run = factories.waiting_step(starter=people["olga"])
    request = factories.request_for(step_run, bound=factories.action(step_run, schema="f" * 64))

    with pytest.raises(Invalid) as refused:
        decide(request, people["anna"], arguments={"amount": 1})

    assert refused.value.extra["problems"][0]["code"] == "schema_changed"
    assert untouched(request)


def test_whoever_takes_over_gives_what_the_step_would_have_given(people, refund_schema):
    request = factories.request_for()

    for output in (None, {}, "done"):
        with pytest.raises(Invalid):
            decide(request, people["anna"], "take_over", output=output)
    assert untouched(request)

    assert decide(request, people["anna"], "take_over", output={"id": "re_1"}).state == (
        "taken_over"
    )


def test_an_edit_that_the_steps_settings_refuse_is_refused(people):
    request = factories.request_for()

    with pytest.raises(Invalid):
        decide(request, people["anna"], arguments="all of it")

    assert untouched(request)


def test_half_a_character_is_refused(people):
    request = factories.request_for()

    with pytest.raises(Invalid):
        decide(request, people["anna"], arguments={"note": "\ud800"})

    assert untouched(request)


def test_a_changed_plan_may_skip_or_set_steps_that_have_not_started(people):
    expanded = {
        "steps": [
            {"id": "issue", "kind": "checkpoint", "with": {"assignees": ["group:approvers"]}},
            {"id": "notify", "kind": "tool", "with": {"tool": "crm.mail", "arguments": {}}},
        ],
        "edges": [{"from": "issue", "to": "notify"}],
    }
    step_run = factories.waiting_step(
        starter=people["olga"],
        kind="checkpoint",
        reason="checkpoint",
        of=factories.version(expanded=expanded),
    )
    request = factories.request_for(step_run, reason="checkpoint")
    changes = {"skip": ["notify"]}

    for wrong in (
        {"skip": ["issue"]},
        {"skip": ["unknown"]},
        {"set": {"notify": {"no_such_setting": 1}}},
        {"drop": ["notify"]},
        None,
    ):
        with pytest.raises(Invalid):
            decide(request, people["anna"], "change", changes=wrong)
    assert untouched(request)

    assert decide(request, people["anna"], "change", changes=changes).state == "approved"
    fact = fact_of(request)
    assert (fact["outcome"], fact["changes"]) == ("changed", changes)
