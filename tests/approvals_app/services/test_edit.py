"""Edits, results, answers and plans: each must fit what it replaces."""

import pytest

from approvals_app.models import Edit
from tests.approvals_app import factories
from tests.approvals_app.services.deciding import decide, fact_of, untouched
from workflows_app.core.action import action_digest
from workflows_app.errors import Invalid

pytestmark = pytest.mark.django_db


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


def test_whoever_takes_a_models_step_over_gives_what_its_schema_asks_for(people):
    schema = {"type": "object", "required": ["reply"]}
    settings = {"model": "small", "prompt": "Answer", "output": schema}
    step_run = factories.waiting_step(starter=people["olga"], kind="model", settings=settings)
    request = factories.request_for(step_run)

    with pytest.raises(Invalid):
        decide(request, people["anna"], "take_over", output={"text": "Hello"})

    assert untouched(request)
    decide(request, people["anna"], "take_over", output={"reply": "Hello"})
    request.refresh_from_db()
    assert request.state == "taken_over"
