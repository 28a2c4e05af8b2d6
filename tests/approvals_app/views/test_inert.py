"""What an agent wrote is shown, and does nothing else."""

import re

import pytest
from django.urls import reverse

from approvals_app.forms import ArgumentsForm
from tests.approvals_app import factories

pytestmark = pytest.mark.django_db
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def anna(people, client):
    client.force_login(people["anna"])
    return client


def url(request, name="detail"):
    return reverse(f"approvals:{name}", args=[request.number])


def decide(client, request, decision="approve", **given):
    body = {"decision": decision, "digest": request.digest, "view": "mine", **given}
    return client.post(url(request, "decide"), body)


def test_agent_text_is_inert_everywhere(anna, people):
    step_run = factories.waiting_step(starter=people["olga"])
    hostile = f'{SCRIPT}"><img src=x onerror=alert(1)>'
    request = factories.request_for(
        step_run,
        bound=factories.action(step_run, arguments={hostile: hostile, "list": [hostile]}),
        summary=hostile,
        details=hostile,
        recommendation=hostile,
        impact=hostile,
        why=hostile,
        requested_by=hostile,
        alternatives=[{"summary": hostile, "why": hostile}],
        links=[{"label": hostile, "url": "https://example.org/?q=" + hostile}],
    )

    for page in (anna.get("/approvals/"), anna.get(url(request))):
        text = page.content.decode()
        assert SCRIPT not in text
        assert "<img src=x" not in text
        assert "&lt;script&gt;" in text


def test_no_link_leads_to_a_script(anna):
    request = factories.request_for(links=[{"label": "x", "url": "javascript:alert(1)"}])

    assert "javascript:" not in anna.get(url(request)).content.decode()


def test_hidden_characters_are_named_where_they_stand(anna, people):
    step_run = factories.waiting_step(starter=people["olga"])
    bound = factories.action(step_run, arguments={"to": "abc\u202egnp\u0007"})
    request = factories.request_for(step_run, bound=bound)

    text = anna.get(url(request)).content.decode()

    assert "\u202e" not in text
    assert "U+202E" in text
    assert "U+0007" in text
    assert "2 characters in it cannot be seen" in text


def test_no_page_holds_inline_script_or_style(anna):
    request = factories.request_for()

    for page in (anna.get("/approvals/"), anna.get(url(request))):
        text = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert " style=" not in text
        assert " onclick=" not in text


def test_an_edit_form_hides_nothing_and_gives_it_back_unchanged():
    arguments = {"to": "abc\u202egnp", "n": 1, "flag": True, "list": [1.5], "text": "plain"}
    shown = ArgumentsForm(arguments)

    sent = {name: field.initial for name, field in shown.fields.items()}
    form = ArgumentsForm(arguments, sent)

    assert "\u202e" not in str(sent)
    assert form.is_valid()
    assert form.edited() == arguments
