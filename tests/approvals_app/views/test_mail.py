import re
from datetime import timedelta
from smtplib import SMTPException

import pytest
from django.utils import timezone

from approvals_app.models import MailLink, Notice, Vote
from approvals_app.services.delegate import approval_delegate
from approvals_app.services.mail import messages_sweep
from tests.approvals_app import factories
from workflows_app.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def readers(people):
    User.objects.filter(username__in=people).update(email="x@example.org")
    for name in people:
        User.objects.filter(username=name).update(email=f"{name}@example.org")
    return people


def sweep():
    messages_sweep(timezone.now())


def link_in(mail):
    return re.search(r"http://[^/]+(/d/\S+)", mail.body).group(1)


@pytest.fixture
def link(readers, mailoutbox):
    """Anna's link to a request of low risk."""
    request = factories.request_for(risk="low", summary="Refund Nordwind")
    sweep()
    mail = next(mail for mail in mailoutbox if mail.to == ["anna@example.org"])
    return request, link_in(mail)


def answer(client, address, request, decision="approve", **given):
    return client.post(address, {"decision": decision, "digest": request.digest, **given})


def test_everybody_asked_gets_one_message_and_nobody_else(readers, mailoutbox):
    factories.request_for(summary="Refund Nordwind")

    sweep()
    sweep()

    assert sorted(mail.to[0] for mail in mailoutbox) == ["anna@example.org", "ben@example.org"]
    assert {mail.subject for mail in mailoutbox} == {"Refund Nordwind"}


def test_several_requests_come_in_one_message(readers, mailoutbox):
    for _ in range(3):
        factories.request_for()

    sweep()

    assert {mail.subject for mail in mailoutbox} == {"3 approvals wait for you"}
    assert len(mailoutbox) == 2


def test_a_delegate_is_told(readers, mailoutbox):
    request = factories.request_for()
    sweep()
    approval_delegate(approval_id=request.pk, actor=readers["anna"], to="user:mallory")

    sweep()

    assert [mail.to[0] for mail in mailoutbox[2:]] == ["mallory@example.org"]


def test_no_message_for_a_rehearsal_or_whoever_wants_none(readers, mailoutbox):
    factories.request_for(factories.waiting_step(starter=readers["olga"], mode="rehearsal"))
    User.objects.update(preferences={"mail": False})
    factories.request_for()

    sweep()

    assert not mailoutbox


def test_agent_text_cannot_forge_headers(readers, mailoutbox):
    factories.request_for(summary="Refund\r\nBcc: all@example.org")

    sweep()

    assert "\n" not in mailoutbox[0].subject


def test_what_could_not_be_sent_is_tried_again(readers, monkeypatch):
    def fail(*args):
        raise SMTPException("no")

    monkeypatch.setattr("approvals_app.services.mail.send_mail", fail)
    factories.request_for(risk="low")

    sweep()

    assert all(notice.tries == 1 and notice.sent_at is None for notice in Notice.objects.all())
    assert not MailLink.objects.exists()


def test_reading_decides_nothing_and_uses_nothing_up(link, client):
    _, address = link

    for _ in range(2):
        assert "Refund Nordwind" in client.get(address).content.decode()
        assert client.head(address, {"decision": "approve"}).status_code == 200

    assert not Vote.objects.exists()
    assert MailLink.objects.filter(used_at__isnull=False).count() == 0
    assert "checked" not in client.get(address).content.decode()


def test_the_button_decides_as_the_person_and_once(link, client):
    request, address = link

    assert "recorded" in answer(client, address, request).content.decode()
    assert answer(client, address, request, "reject", reason="No").status_code == 410

    vote = Vote.objects.get()
    assert (vote.person.username, vote.via, vote.decision) == ("anna", "mail", "approve")


def test_the_link_is_kept_hashed(link):
    _, address = link

    stored = " ".join(MailLink.objects.values_list("token_digest", flat=True))
    assert address.split("/")[2] not in stored


def test_a_missing_reason_leaves_the_link_usable(link, client):
    request, address = link

    assert answer(client, address, request, "reject").status_code == 422
    assert answer(client, address, request, "reject", reason="Twice").status_code == 200


def test_a_link_dies_at_the_deadline(link, client):
    request, address = link
    MailLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert client.get(address).status_code == 410
    assert answer(client, address, request).status_code == 410
    assert not Vote.objects.exists()


def test_a_forged_link_is_unknown(link, client):
    _, address = link

    assert client.get(address[:-3] + "xy/").status_code == 404


def test_somebody_who_left_decides_nothing(link, client, readers):
    request, address = link
    readers["anna"].memberships.update(is_active=False)

    assert answer(client, address, request).status_code in (403, 404)
    assert not Vote.objects.exists()


@pytest.mark.parametrize("risk", ["high", "critical"])
def test_high_and_critical_want_a_sign_in(readers, mailoutbox, risk):
    request = factories.request_for(risk=risk)

    sweep()

    assert f"/approvals/APR-{request.number}/" in mailoutbox[0].body
    assert "/d/" not in mailoutbox[0].body


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_no_other_way_of_asking_does_anything(link, client, method):
    _, address = link

    assert getattr(client, method)(f"{address}?decision=approve").status_code == 405
    assert not Vote.objects.exists()
    assert not MailLink.objects.filter(used_at__isnull=False).exists()


@pytest.mark.parametrize("risk", ["high", "critical"])
def test_what_became_risky_since_the_mail_wants_a_sign_in(link, client, risk):
    request, address = link
    type(request).objects.update(risk=risk)

    for sent in (client.get(address), answer(client, address, request)):
        assert (sent.status_code, sent["Location"]) == (302, f"/approvals/APR-{request.number}/")
    assert not Vote.objects.exists()
