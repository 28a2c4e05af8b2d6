"""Answers that are more than yes or no, as plain forms; nothing here needs a script."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from approvals_app.models import Vote
from tests.approvals_app import factories
from workflows_app.models import Timer

pytestmark = pytest.mark.django_db
REPLY = {
    "type": "object",
    "required": ["reply"],
    "properties": {"reply": {"type": "string", "minLength": 3}, "sure": {"type": "boolean"}},
}


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def url(request, name="detail"):
    return reverse(f"approvals:{name}", args=[request.number])


def send(client, request, decision, **given):
    return client.post(
        url(request, "decide"), {"decision": decision, "digest": request.digest, **given}
    )


def question(**given):
    step_run = factories.waiting_step(starter=factories.person("olga"), kind="approval")
    bound = factories.action(step_run, tool=None, arguments={"summary": "What now?", **given})
    return factories.request_for(step_run, bound=bound, **given)


def test_a_question_is_answered_by_the_fields_of_its_form(anna):
    request = question(form=REPLY, decisions=["answer", "reject"])
    text = anna.get(url(request)).content.decode()
    assert 'name="f:/reply"' in text
    assert "group:approvers" not in text[: text.index("<aside")].split("What the approval binds")[0]

    send(anna, request, "approve", **{"f:/reply": "We are on it", "f:/sure#": "1"})

    request.refresh_from_db()
    assert request.state == "approved"
    assert Vote.objects.get().answer == {"output": {"reply": "We are on it", "sure": False}}


def test_an_answer_that_breaks_the_form_says_where_and_keeps_the_rest(anna):
    request = question(form=REPLY, decisions=["answer", "reject"])

    page = send(anna, request, "approve", **{"f:/reply": "ab", "reason": "Because"})

    text = page.content.decode()
    assert page.status_code == 422
    assert re.search(r'name="f:/reply"[^>]*aria-invalid="true"', text)
    assert 'value="Because"' in text
    assert not Vote.objects.exists()


def test_a_question_without_a_form_takes_a_text(anna):
    request = question(decisions=["answer", "reject"])

    send(anna, request, "approve", said="On Tuesday")

    assert Vote.objects.get().answer == {"output": "On Tuesday"}


def test_the_right_label_goes_along(anna):
    request = question(decisions=["approve", "label", "reject"])

    send(anna, request, "approve", label="billing")

    assert Vote.objects.get().answer == {"label": "billing"}


def test_a_step_is_taken_over_with_a_result_by_its_form(anna):
    request = question(form=REPLY, decisions=["take_over", "reject"])

    send(anna, request, "take_over", **{"f:/reply": "Done by hand"})

    request.refresh_from_db()
    assert request.state == "taken_over"
    assert Vote.objects.get().answer["output"]["reply"] == "Done by hand"


def test_without_a_schema_the_result_is_json(anna):
    request = factories.request_for()

    assert send(anna, request, "take_over", output="{oops").status_code == 422
    send(anna, request, "take_over", output='{"id": "R-1"}')

    assert Vote.objects.get().answer == {"output": {"id": "R-1"}}


def test_enter_in_a_field_sends_nothing(anna):
    request = factories.request_for()

    text = anna.get(url(request)).content.decode()

    for form in re.findall(r"<form(?![^>]*(?:comment|sign-out)).*?</form>", text, re.DOTALL):
        if "decision" in form:
            assert re.search(r"<button[^>]*>", form).group() == "<button hidden disabled>"


def test_an_edit_in_the_inbox_stays_in_the_inbox(anna):
    request, other = factories.request_for(), factories.request_for()
    body = {"f0": "1610.0", "f1": "cus_8213", "f2": "Duplicate charge", "view": "mine"}

    page = anna.post(url(request, "edit"), body)

    text = page.content.decode()
    assert "Approve with 1 edit" in text
    assert f'id="row-{other.number}"' in text
    arguments = json.dumps({**factories.ARGUMENTS, "amount": 1610.0})
    page = send(anna, request, "approve", arguments=arguments, view="mine")
    assert page["Location"] == f"/approvals/?view=mine&open=APR-{other.number}"


def test_pointing_at_the_undo_bar_holds_its_clock(anna):
    request = factories.request_for()
    send(anna, request, "approve")

    held = anna.post(url(request, "hold"), {"hold": "1"})

    assert held.status_code == 200
    request.refresh_from_db()
    assert request.effective_at - request.decided_at == timedelta(seconds=60)
    assert Timer.objects.get().due_at == request.effective_at
    anna.post(url(request, "hold"), {"hold": ""})
    request.refresh_from_db()
    assert request.effective_at - timezone.now() < timedelta(seconds=9)
    assert Timer.objects.get().due_at == request.effective_at


def test_what_is_in_force_is_not_held_back(anna, people, client):
    request = factories.request_for()
    send(anna, request, "approve")
    past = timezone.now() - timedelta(seconds=1)
    Timer.objects.update(due_at=past)

    assert anna.post(url(request, "hold"), {"hold": "1"}).status_code == 409
    client.force_login(people["ben"])
    assert client.post(url(request, "hold"), {"hold": "1"}).status_code == 403
    assert Timer.objects.get().due_at == past
