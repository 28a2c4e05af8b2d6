import re

import pytest
from django.urls import reverse

from approvals_app.models import Vote
from approvals_app.services.decide import approval_decide
from tests.approvals_app import factories
from workflows_app.models import InboxFact, RunEvent, Timer

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


def test_a_request_is_known_by_its_number(people):
    request = factories.request_for()

    assert url(request) == f"/approvals/APR-{request.number}/"


def test_the_inbox_shows_what_waits_for_me_and_opens_the_first(anna):
    request = factories.request_for(summary="Refund Nordwind for a duplicate charge")

    page = anna.get("/approvals/")

    text = page.content.decode()
    assert page.status_code == 200
    assert text.count("Refund Nordwind for a duplicate charge") == 2
    assert f'value="{request.digest}"' in text
    assert 'name="decision" value="approve"' in text


def test_an_empty_inbox_says_so(anna):
    assert "Nothing waits for you" in anna.get("/approvals/").content.decode()


def test_requesters_see_their_request_and_no_buttons(people, client):
    request = factories.request_for()
    client.force_login(people["olga"])

    text = client.get(url(request)).content.decode()

    assert "somebody else must decide" in text
    assert 'value="approve"' not in text


def test_people_of_other_workspaces_do_not_find_it(people, client):
    request = factories.request_for()
    client.force_login(factories.person("otto", space=factories.workspace("other")))

    assert client.get(url(request)).status_code == 404
    assert client.post(url(request, "decide"), {}).status_code == 404


def test_the_page_wants_a_sign_in(people, client):
    request = factories.request_for()

    for page in (client.get(url(request)), client.post(url(request, "decide"))):
        assert page.status_code == 302
        assert "/sign-in/" in page["Location"]


@pytest.mark.parametrize("name", ["decide", "undo", "delegate", "escalate", "edit", "seen"])
def test_a_get_never_decides(anna, name):
    request = factories.request_for()

    assert anna.get(url(request, name), {"decision": "approve"}).status_code == 405
    assert anna.head(url(request, name)).status_code == 405
    request.refresh_from_db()
    assert request.state == "pending"


def test_approving_saves_at_once_and_takes_effect_after_the_window(anna):
    request = factories.request_for()

    page = decide(anna, request)

    assert page.status_code == 302
    request.refresh_from_db()
    assert request.state == "approved"
    assert not InboxFact.objects.exists()
    assert Timer.objects.get().name == "dispatch"
    assert "Undo" in anna.get("/approvals/").content.decode()


def test_undo_from_the_page(anna):
    request = factories.request_for()
    decide(anna, request)

    assert anna.post(url(request, "undo")).status_code == 302

    request.refresh_from_db()
    assert request.state == "pending"


def test_after_an_answer_the_next_request_opens(anna):
    first, second = factories.request_for(), factories.request_for()

    page = decide(anna, first)

    assert page["Location"] == f"/approvals/?view=mine&open=APR-{second.number}"


def test_a_rejection_without_a_reason_keeps_the_page_and_says_why(anna):
    request = factories.request_for()

    page = decide(anna, request, "reject")

    assert page.status_code == 422
    assert "A rejection needs a reason" in page.content.decode()
    assert not Vote.objects.exists()


def test_a_decision_elsewhere_shows_who_was_first_and_keeps_my_reason(anna, people):
    request = factories.request_for()
    approval_decide(
        approval_id=request.pk,
        actor=people["ben"],
        via="token",
        decision="approve",
        digest=request.digest,
    )

    page = decide(anna, request, "reject", reason="Not a duplicate")

    assert page.status_code == 409
    assert "ben was first" in page.content.decode()


def test_what_cannot_be_undone_is_confirmed_once_more(anna, people):
    request = factories.request_for(
        factories.waiting_step(starter=people["olga"], effect="irreversible")
    )

    page = decide(anna, request)

    text = page.content.decode()
    assert page.status_code == 200
    assert "cannot be taken back" in text
    assert "Refund Nordwind" in text[text.index("<dialog class") :]
    assert not Vote.objects.exists()
    decide(anna, request, confirmed="1")
    request.refresh_from_db()
    assert request.state == "approved"
    assert request.effective_at == request.decided_at


def test_an_edit_is_shown_as_a_diff_before_it_is_approved(anna):
    request = factories.request_for()

    page = anna.post(url(request, "edit"), {"f0": "1610.0", "f1": "cus_8213", "f2": "Freight"})

    text = page.content.decode()
    assert page.status_code == 200
    assert "Approve with 2 edits" in text
    assert re.search(r'class="del"><th scope="row">amount</th><td><span class="val">1840', text)
    assert not Vote.objects.exists()
    arguments = re.search(r'name="arguments" value="([^"]*)"', text).group(1)
    decide(anna, request, arguments=arguments.replace("&quot;", '"'))
    request.refresh_from_db()
    assert request.action["arguments"] == {
        "customer": "cus_8213",
        "amount": 1610.0,
        "note": "Freight",
    }


def test_an_edit_that_is_no_number_is_refused_in_place(anna):
    request = factories.request_for()

    page = anna.post(url(request, "edit"), {"f0": "many", "f1": "cus", "f2": ""})

    assert page.status_code == 422
    assert "Write a number" in page.content.decode()


def test_delegating_and_passing_up_from_the_page(anna):
    request = factories.request_for()
    factories.person("ada", roles=["admin"])

    assert anna.post(url(request, "delegate"), {"to": "user:mallory"}).status_code == 302
    assert anna.post(url(request, "escalate"), {"reason": "Not sure"}).status_code == 302

    types = set(RunEvent.objects.values_list("type", flat=True))
    assert {"approval.delegated", "approval.escalated"} <= types


def test_opening_is_noted_by_the_page_itself(anna):
    request = factories.request_for()

    assert anna.post(url(request, "seen")).status_code == 204

    assert RunEvent.objects.filter(type="approval.seen").count() == 1


def test_the_second_person_of_a_critical_request_is_not_primed(anna, people):
    request = factories.request_for(risk="critical")
    approval_decide(
        approval_id=request.pk,
        actor=people["ben"],
        via="token",
        decision="approve",
        digest=request.digest,
        reason="I trust the agent",
    )

    text = anna.get(url(request)).content.decode()

    assert "I trust the agent" not in text


def test_a_rehearsal_says_so(anna, people):
    request = factories.request_for(
        factories.waiting_step(starter=people["olga"], mode="rehearsal")
    )

    assert "Rehearsal" in anna.get(url(request)).content.decode()


def test_a_short_answer_for_the_queue_alone(anna):
    factories.request_for()

    page = anna.get("/approvals/", headers={"HX-Request": "true", "HX-Target": "queue"})

    text = page.content.decode()
    assert text.strip().startswith("<div")
    assert "<html" not in text
